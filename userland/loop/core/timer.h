// SPDX-License-Identifier: MIT
// When is it time? A Timer calls back once its delay has passed, counted from when it was started,
// however long that callback had run by then. Only the nearest deadline of all goes to the kernel,
// as the timeout of the wait: a kernel timer each would cost 30 to 60 times a heap insert.
#pragma once
#include <functional>

#include "loop/core/handle.h"
#include "loop/core/list.h"
#include "loop/core/timer_heap.h"

namespace timeslice::loop {

class Loop;
using Task = std::function<void()>;

class Timer : public Handle, public Link, public TimerNode {
 public:
  Timer(Loop& loop, Task on_fire)
      : TimerNode(Owner::timer), loop_(loop), on_fire_(std::move(on_fire)) {}
  ~Timer() {
    stop();
    if (watched_by_) *watched_by_ = nullptr;
  }

  // Fires after `delay`, then every `repeat` if that is positive. A repeating timer keeps its beat;
  // beats missed while the loop was busy are skipped, not made up. Starting again moves it.
  void start(Nanoseconds delay, Nanoseconds repeat = Nanoseconds{0});
  void stop();
  [[nodiscard]] Nanoseconds deadline() const { return deadline_; }

 private:
  friend class Loop;
  Loop& loop_;
  Task on_fire_;
  Nanoseconds deadline_{0};
  Nanoseconds repeat_{0};
  Timer** watched_by_ = nullptr;  // set to null if we go while on_fire_ runs
};

}  // namespace timeslice::loop
