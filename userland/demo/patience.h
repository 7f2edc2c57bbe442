// SPDX-License-Identifier: MIT
// How long is a client waited for? A connection changes what it waits for with every request, and
// would move its timer each time. So the timer stays where it is as long as it isn't too late, and
// when it fires too early, goes to sleep for the rest.
#pragma once
#include "loop/core/loop.h"

namespace timeslice::demo {

class Patience {
 public:
  Patience(loop::Loop& loop, loop::Task on_end);

  // Calls `on_end` once `time` has passed, unless something else is said until then.
  void last(loop::Nanoseconds time);
  // Nothing is waited for.
  void rest() { end_ = kNever; }
  // Doesn't hold the loop any more either.
  void stop() { timer_.stop(); }

 private:
  static constexpr loop::Nanoseconds kNever = loop::Nanoseconds::max();
  void look();

  loop::Loop& loop_;
  loop::Task on_end_;
  loop::Nanoseconds end_ = kNever;
  loop::Timer timer_;
};

}  // namespace timeslice::demo
