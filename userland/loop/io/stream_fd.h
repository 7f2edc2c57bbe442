// SPDX-License-Identifier: MIT
// What must a descriptor be like, so that no request on it holds up the loop? Sockets and pipes are
// good as they are: each call on them can be told not to wait. Terminals can't (they take
// RWF_NOWAIT, and block all the same when their buffer is full), so they get O_NONBLOCK. As that
// belongs to the open file, which a terminal shares with the shell, it is opened anew for us.
#pragma once

namespace timeslice::loop {

struct StreamFd {
  bool socket;
  bool readable;
  bool writable;
};

// Prepares `fd`, which keeps its number, and says what it is.
StreamFd prepare_stream_fd(int fd);

}  // namespace timeslice::loop
