// SPDX-License-Identifier: MIT
// What time is it, on the clocks that the kernel's records use?
#pragma once
#include <cstdint>
#include <ctime>

namespace timeslice {

inline uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
inline uint64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }

// What two clocks read at the same moment.
struct ClockPair {
  uint64_t time_ns = 0;      // CLOCK_MONOTONIC or another that doesn't jump
  uint64_t realtime_ns = 0;  // CLOCK_REALTIME; 0: not known

  // CLOCK_REALTIME when the other reads `moment_ns`, before or after, unless somebody sets it in
  // between; 0: not known.
  [[nodiscard]] uint64_t realtime_at(uint64_t moment_ns) const {
    return realtime_ns != 0 ? realtime_ns + (moment_ns - time_ns) : 0;
  }
};

}  // namespace timeslice
