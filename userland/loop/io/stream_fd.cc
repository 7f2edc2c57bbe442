// SPDX-License-Identifier: MIT
#include "loop/io/stream_fd.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"
#include "loop/core/descriptor.h"

namespace timeslice::loop {

namespace {

void open_terminal_anew(int fd, int flags) {
  if (!is_pty_master(fd)) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const UniqueFd own(
        ::open(path.c_str(), (flags & O_ACCMODE) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (own && ::dup3(own.get(), fd, O_CLOEXEC) == fd) return;
  }
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

StreamFd prepare_stream_fd(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  const bool socket = is_socket(fd);
  const int access = flags & O_ACCMODE;
  // io_uring would answer EAGAIN instead of waiting.
  if (socket && (flags & O_NONBLOCK) != 0) ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  if (!socket && ::isatty(fd)) open_terminal_anew(fd, flags);
  return {.socket = socket, .readable = access != O_WRONLY, .writable = access != O_RDONLY};
}

}  // namespace timeslice::loop
