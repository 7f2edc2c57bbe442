// SPDX-License-Identifier: MIT
// What is behind a descriptor? Asked anew each time: a number may belong to another file by now.
#pragma once
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace timeslice::loop {

inline bool is_socket(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

// A pseudo-terminal's master can't be opened again: that would make another pair.
inline bool is_pty_master(int fd) {
  int number = 0;
  return ::ioctl(fd, TIOCGPTN, &number) == 0;
}

}  // namespace timeslice::loop
