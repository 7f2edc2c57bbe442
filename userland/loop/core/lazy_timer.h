// SPDX-License-Identifier: MIT
// What is the cheapest timer that is moved at each byte, and hardly ever fires? One that stays
// where it is while its time grows later, and when it comes too early, goes to sleep for the rest.
// So a connection may say with each event how long it waits for the next one, at the price of a
// sum.
#pragma once
#include "loop/core/deadline.h"
#include "loop/core/loop.h"

namespace timeslice::loop {

class LazyTimer {
 public:
  LazyTimer(Loop& loop, Task on_fire);

  // Calls `on_fire` once, when `delay` has passed since the turn's look at the clock (Loop::now());
  // in place of what was asked for before.
  void start(Nanoseconds delay);
  // Calls nobody. May hold the loop until the last delay is over, as starting anew is then free.
  void rest() { due_ = kNever; }
  // As rest(), and doesn't hold the loop any more.
  void stop();

 private:
  void look();

  Loop& loop_;
  Task on_fire_;
  Nanoseconds due_ = kNever;
  Timer timer_;
};

}  // namespace timeslice::loop
