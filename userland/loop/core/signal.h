// SPDX-License-Identifier: MIT
// How does a signal become a callback? Its handler only sends to a Waker; the callback then runs on
// the loop's thread like any other. A handler rather than a signalfd, because a blocked signal mask
// would be inherited by every program that we start, and needs every other thread to block it too.
#pragma once
#include <csignal>

#include "loop/core/waker.h"

namespace timeslice::loop {

class Signal {
 public:
  // Takes over `signo` until destruction, which brings the former action back. Where this thread
  // has it blocked, as a starter may have left it, it's unblocked as long: what was sent meanwhile
  // comes now. To be destroyed on the same thread. A Signal does not
  // hold the loop unless told to by ref(). One Signal for each number in a process at a time: a
  // second one throws std::system_error (EBUSY), and so does a number that can't be caught
  // (EINVAL).
  Signal(Loop& loop, int signo, Task on_signal);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  [[nodiscard]] int number() const { return signo_; }
  void ref() { waker_.ref(); }
  void unref() { waker_.unref(); }

 private:
  static void handle(int signo);

  int signo_;
  Waker waker_;
  struct sigaction former_ {};
  bool was_blocked_ = false;
};

}  // namespace timeslice::loop
