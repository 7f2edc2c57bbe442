// SPDX-License-Identifier: MIT
// Is somebody still at work on this file? Who writes it holds it for as long as it has it open; the
// kernel lets go when the writer ends, in whatever way. Others ask, and hold nobody up.
#pragma once
#include <fcntl.h>

namespace timeslice {

// A lock of the open file and not of the process, so that no other close() drops it. It lasts until
// the last copy of `fd` is closed. False: the file system has no locks, or another holds the file.
inline bool hold_for_writing(int fd) {
  struct flock lock {};  // from beginning to end, however long it becomes
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// Does another open file hold it? False as well where that can't be known, and of a copy.
inline bool is_held_for_writing(int fd) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace timeslice
