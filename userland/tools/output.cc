// SPDX-License-Identifier: MIT
#include "tools/output.h"

#include <unistd.h>

#include <cerrno>

#include "base/failure.h"

namespace timeslice::tools {

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EPIPE) return false;
    if (wrote < 0) throw failure_from_errno("cannot write to stdout", errno);
    text.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

}  // namespace timeslice::tools
