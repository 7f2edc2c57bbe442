// SPDX-License-Identifier: MIT
#include "observe/whole_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace timeslice::observe {

int read_whole(int fd, std::string& text, End end) {
  text.resize(std::max<size_t>(text.capacity(), 4096));
  size_t size = 0;
  for (;;) {
    if (size == text.size()) text.resize(2 * size);
    const size_t room = text.size() - size;
    const ssize_t got = pread(fd, text.data() + size, room, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      text.clear();
      return -errno;
    }
    size += static_cast<size_t>(got);
    if (got == 0 || (end == End::short_read && static_cast<size_t>(got) < room)) break;
  }
  text.resize(size);
  return 0;
}

}  // namespace timeslice::observe
