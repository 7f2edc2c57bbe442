// SPDX-License-Identifier: MIT
// How does a test wait? Never for a time and in hope: for a condition, looked at again and again,
// and with a deadline that only a failure reaches.
#pragma once
#include <chrono>
#include <cstdlib>
#include <thread>

namespace timeslice::live {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Generous, for the machine may be busy with other things; in guests that set SLOW, it is some ten
// times slower.
inline const std::chrono::seconds kDeadline = std::getenv("SLOW") ? 900s : 180s;

// False: the deadline passed and `condition` was never true.
template <typename Condition>
bool until(Condition condition, std::chrono::milliseconds deadline = kDeadline) {
  const auto end = Clock::now() + deadline;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

}  // namespace timeslice::live
