// SPDX-License-Identifier: MIT
// How does a moment read on the clock on the wall, where this machine stands?
#pragma once
#include <cstdint>
#include <string>

namespace timeslice::view {

// CLOCK_REALTIME; 0, not known, reads as nothing.
std::string time_of_day(uint64_t realtime_ns);    // "18:31:02"
std::string date_and_time(uint64_t realtime_ns);  // "2026-03-01 18:31:02"

}  // namespace timeslice::view
