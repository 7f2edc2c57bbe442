// SPDX-License-Identifier: MIT
// Where does this kernel keep a core's preempt count, which tells a waking thread from an
// interrupt?
#pragma once
#include <cstdint>

namespace timeslice::observe {

// Bytes from a core's run queue (the per-CPU variable `runqueues`) to its preempt count, from the
// kernel's own type information: both lie in one per-CPU section, so their distance is the same on
// every core. No symbol table is needed. 0: this kernel doesn't tell (its waker contexts are
// unknown). x86: `__preempt_count`, and from 6.2 to 6.14 a field of `pcpu_hot`.
int64_t rq_to_preempt_count();

}  // namespace timeslice::observe
