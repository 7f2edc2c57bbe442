// SPDX-License-Identifier: MIT
// How fast does a total grow? Growth between two passes over the seconds between them; absent where
// either pass didn't measure it.
#pragma once
#include <cstdint>

#include "bpf/wire.h"
#include "model/frame.h"

namespace timeslice::model {

constexpr double kNsPerS = 1e9;

// Totals only grow, but one read from a running core may lag behind an earlier one by a little:
// then nothing has been seen to grow.
double growth(uint64_t before, uint64_t now);

// Sets the rates of `thread`, whose row is the new one, over an interval of `seconds`.
void set_rates(Thread& thread, const ts_thread_row& before, double seconds);

// As at a thread's first refresh.
void clear_rates(Thread& thread);

// `before` may be null, `seconds` absent: then there is no rate.
Core shown_core(const ts_core_row& now, const ts_core_row* before, Figure seconds);

}  // namespace timeslice::model
