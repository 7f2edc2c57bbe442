// SPDX-License-Identifier: MIT
// What may a value from a file be? Whatever it is, it becomes one that a record can have.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bpf/wire.h"

namespace timeslice::trace {

inline uint8_t prio_of(uint64_t prio) {
  return static_cast<uint8_t>(std::min<uint64_t>(prio, 255));
}

// As the state alone would have it: who leaves runnable was made to.
// Writer and reader must have it alike: the file holds only where the kernel counted otherwise.
inline uint16_t kind_by_state(uint16_t state) {
  const bool made_to = state == TS_LEAVING_RUNNABLE || state == TS_LEAVING_PREEMPTED;
  return made_to ? TS_LEAVING_INVOLUNTARY : TS_LEAVING_VOLUNTARY;
}
inline uint16_t with_kind(uint16_t state) { return state | kind_by_state(state); }

// Kernels before 4.14 and some tools have bits beyond: only those that we know remain.
inline uint16_t state_of(uint64_t state) {
  return static_cast<uint16_t>(state & TS_LEAVING_STATES);
}

inline void copy_comm(char (&to)[TS_COMM_SIZE], std::string_view from) {
  std::memset(to, 0, sizeof(to));
  from.copy(to, sizeof(to) - 1);
}

}  // namespace timeslice::trace
