// SPDX-License-Identifier: MIT
#include "tools/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/failure.h"

namespace timeslice::tools {

UniqueFd open_private(const std::string& path, bool follow_link) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (follow_link ? 0 : O_NOFOLLOW);
  UniqueFd fd(::open(path.c_str(), flags, 0600));
  if (!fd && errno == ELOOP && !follow_link)
    throw Failure("cannot write " + path + ": it is a symbolic link; name the file it leads to");
  if (!fd) throw failure_from_errno("cannot write " + path, errno);
  return fd;
}

void write_private(const std::string& path, const std::string& bytes, bool follow_link) {
  const UniqueFd fd = open_private(path, follow_link);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw failure_from_errno("cannot write " + path, got < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(got);
  }
}

}  // namespace timeslice::tools
