// SPDX-License-Identifier: MIT
#include "loop/core/waker.h"

#include "loop/core/loop.h"

namespace timeslice::loop {

Waker::Waker(Loop& loop, Task on_wake) : loop_(loop), on_wake_(std::move(on_wake)) {
  loop_.wakers_.push_back(*this);
  activate(loop_.backend_->alive);
}

Waker::~Waker() = default;  // its link and its count leave the loop by themselves

void Waker::send() noexcept {
  // A signal handler that a forked child has inherited: the loop's descriptors are closed here, and
  // their numbers may be those of other files by now.
  if (!loop_.at_home()) return;
  // The thread that set it first has woken the loop, or is about to.
  if (!sent_.exchange(true)) loop_.backend_->wake();
}

}  // namespace timeslice::loop
