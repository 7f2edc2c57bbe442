// SPDX-License-Identifier: MIT
// What do the probes on waits for events cost here? It depends on the machine, so it is measured
// there: a thread of ours makes the same calls as a watched loop, with the probes and without.
#pragma once
#include "observe/turn_probes.h"

namespace timeslice::observe {

// CPU time, ns.
struct TurnPrice {
  double wait_ns = 0;              // more for each wait for events of a watched loop
  double other_call_ns = 0;        // more for each other system call of any process
  std::optional<double> phase_ns;  // for each phase that begins; absent: not asked for
};

// Takes some tenths of a second. The probes are detached afterwards. Throws Failure.
TurnPrice measure_turn_price(TurnProbes& probes, bool phases = false);

}  // namespace timeslice::observe
