// SPDX-License-Identifier: MIT
// People say seconds, timers want nanoseconds.
#pragma once
#include <chrono>

namespace timeslice {

inline std::chrono::nanoseconds from_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(seconds));
}

}  // namespace timeslice
