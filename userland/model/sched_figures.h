// SPDX-License-Identifier: MIT
// What do the probes add to a thread? Totals since they came, and the p99 of one interval's waits.
#pragma once
#include <cstdint>

#include "bpf/wire.h"
#include "model/frame.h"

namespace timeslice::model {

struct SchedMemory {
  SchedFigures figures;
  uint64_t since_ns = 0;  // which run of the probes they belong to
};

// Brings the figures up to date with `row`, read at `now_ns` (CLOCK_MONOTONIC).
void take_sched_row(SchedMemory& memory, const ts_sched_row& row, uint64_t now_ns);

}  // namespace timeslice::model
