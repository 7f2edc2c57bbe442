// SPDX-License-Identifier: MIT
// How long has a process been up, and whose child is it?
#pragma once
#include <cstdint>
#include <optional>

namespace timeslice::observe {

struct ProcessAge {
  uint64_t up_ns = 0;   // in steps of 10 ms; time that the machine was suspended counts
  uint32_t parent = 0;  // 0: none that we can see
};

// By /proc/PID/stat, which anybody may read. Absent: it is gone.
std::optional<ProcessAge> process_age(uint32_t tgid);

}  // namespace timeslice::observe
