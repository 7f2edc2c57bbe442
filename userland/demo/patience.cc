// SPDX-License-Identifier: MIT
#include "demo/patience.h"

namespace timeslice::demo {

Patience::Patience(loop::Loop& loop, loop::Task on_end)
    : loop_(loop), on_end_(std::move(on_end)), timer_(loop, [this] { look(); }) {}

void Patience::last(loop::Nanoseconds time) {
  end_ = loop_.now() + time;
  if (!timer_.active() || timer_.deadline() > end_) timer_.start(time);
}

void Patience::look() {
  if (end_ == kNever) return;
  if (end_ > loop_.now()) return timer_.start(end_ - loop_.now());
  end_ = kNever;
  on_end_();
}

}  // namespace timeslice::demo
