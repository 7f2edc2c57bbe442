// SPDX-License-Identifier: MIT
// Which stretches belong to a window of a recording? Those that end in it, so each to one of two
// windows that follow each other.
#pragma once
#include <cstdint>

namespace timeslice::model {

[[nodiscard]] inline bool ends_in(uint64_t end_ns, uint64_t from_ns, uint64_t to_ns) {
  return end_ns > from_ns && end_ns <= to_ns;
}

}  // namespace timeslice::model
