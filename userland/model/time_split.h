// SPDX-License-Identifier: MIT
// How did a thread spend a time, ns?
#pragma once
#include <cstdint>

namespace timeslice::model {

struct TimeSplit {
  uint64_t oncpu = 0, wait = 0, asleep = 0;
  [[nodiscard]] uint64_t sum() const { return oncpu + wait + asleep; }
};

}  // namespace timeslice::model
