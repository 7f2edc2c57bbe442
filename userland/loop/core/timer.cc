// SPDX-License-Identifier: MIT
#include "loop/core/timer.h"

#include <algorithm>

#include "loop/core/deadline.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

void Timer::start(Nanoseconds delay, Nanoseconds repeat) {
  stop();
  deadline_ = deadline_after(loop_.backend_->now(), delay);
  repeat_ = std::max(repeat, Nanoseconds{0});
  loop_.timers_.insert(*this, deadline_);
  activate(loop_.backend_->alive);
}

void Timer::stop() {
  if (!active()) return;
  if (linked())
    unlink();  // due already, and waiting for its call
  else
    loop_.timers_.remove(*this);
  deactivate();
}

}  // namespace timeslice::loop
