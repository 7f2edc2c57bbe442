// SPDX-License-Identifier: MIT
#include "tools/start.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "loop/core/signals_of_writes.h"

namespace timeslice::tools {

namespace {

// A closed one would be given to the next file that is opened, and get what is meant for a reader.
// Opened the wrong way around, so that to read or write it fails as it does with a closed one.
void occupy_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace

void settle_start() {
  occupy_standard_descriptors();
  loop::ignore_signals_of_writes();
  // Were it ignored, as a starter may have set it, the kernel would keep how a command ended to
  // itself.
  std::signal(SIGCHLD, SIG_DFL);
}

}  // namespace timeslice::tools
