// SPDX-License-Identifier: MIT
// When will this time be over? Sums of a moment and a time end at `kNever`, and don't wrap into the
// past: the longest time there is, is what one writes for "without a limit".
#pragma once
#include <algorithm>

#include "loop/core/timer_heap.h"

namespace timeslice::loop {

inline constexpr Nanoseconds kNever = Nanoseconds::max();

// `moment` is of the loop's clock, so not negative; a negative time is none.
constexpr Nanoseconds deadline_after(Nanoseconds moment, Nanoseconds time) {
  return time > kNever - moment ? kNever : moment + std::max(time, Nanoseconds{0});
}

}  // namespace timeslice::loop
