// SPDX-License-Identifier: MIT
// Does a loop sleep until a timer's time, neither less nor in many short waits?
#pragma once
#include <initializer_list>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

inline void check_sleeps(Loop& loop, std::initializer_list<Nanoseconds> delays) {
  for (const Nanoseconds delay : delays) {
    loop.update_time();
    const auto start = std::chrono::steady_clock::now();
    Timer timer(loop, {});
    timer.start(delay);
    loop.run();
    CHECK(std::chrono::steady_clock::now() - start >= delay);
  }
  CHECK(loop.counters().turns <= 3 * delays.size());  // waits that end too early would be hundreds
}

}  // namespace timeslice::loop::test
