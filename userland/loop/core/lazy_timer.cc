// SPDX-License-Identifier: MIT
#include "loop/core/lazy_timer.h"

namespace timeslice::loop {

LazyTimer::LazyTimer(Loop& loop, Task on_fire)
    : loop_(loop), on_fire_(std::move(on_fire)), timer_(loop, [this] { look(); }) {}

void LazyTimer::start(Nanoseconds delay) {
  due_ = deadline_after(loop_.now(), delay);
  if (!timer_.active() || timer_.deadline() > due_) timer_.start(delay);
}

void LazyTimer::stop() {
  rest();
  timer_.stop();
}

void LazyTimer::look() {
  if (due_ == kNever) return;
  if (due_ > loop_.now()) return timer_.start(due_ - loop_.now());
  due_ = kNever;
  on_fire_();
}

}  // namespace timeslice::loop
