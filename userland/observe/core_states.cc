// SPDX-License-Identifier: MIT
#include "observe/core_states.h"

#include "base/clock.h"

namespace timeslice::observe {

// The core may switch while we read: then last_ns has moved, and we read again.
CoreStates::State CoreStates::consistent(uint32_t cpu) const {
  const volatile State& live = states_[cpu];
  State copy{};
  do {
    copy.last_ns = live.last_ns;
    copy.busy_ns = live.busy_ns;
    copy.idle_ns = live.idle_ns;
    copy.unseeded = live.unseeded;
  } while (copy.last_ns != live.last_ns);
  return copy;
}

uint64_t CoreStates::add_to(std::vector<ts_core_row>& cores) const {
  uint64_t unseeded = 0;
  for (ts_core_row& row : cores) {
    if (row.cpu >= states_.size()) continue;
    const State state = consistent(row.cpu);
    unseeded += state.unseeded;
    const uint64_t now = monotonic_ns();
    // Before its first switch nobody knows what the core did: that time counts as neither.
    const uint64_t going_on = state.last_ns != 0 && now > state.last_ns ? now - state.last_ns : 0;
    const bool idle_now = row.queue_len == 0;
    row.busy_ns = state.busy_ns + (idle_now ? 0 : going_on);
    row.idle_ns = state.idle_ns + (idle_now ? going_on : 0);
    row.record.have |= TS_HAVE_CORE_BUSY;
  }
  return unseeded;
}

}  // namespace timeslice::observe
