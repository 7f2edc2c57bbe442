// SPDX-License-Identifier: MIT
// How does another thread, or a signal handler, get the loop's attention? Through a Waker: send()
// may be called from anywhere, and the callback runs on the loop's thread in its poll phase.
// Several sends before the loop gets to it make one call.
#pragma once
#include <atomic>

#include "loop/core/request.h"

namespace timeslice::loop {

class Waker : public Handle, public Link {
 public:
  // Active, and holding the loop, from construction on; unref() it if it shall not hold.
  Waker(Loop& loop, Task on_wake);
  ~Waker();

  // Thread-safe and async-signal-safe. Not after the Waker or its Loop is gone.
  void send() noexcept;

 private:
  friend class Loop;
  Loop& loop_;
  Task on_wake_;
  std::atomic<bool> sent_{false};
};

}  // namespace timeslice::loop
