// SPDX-License-Identifier: MIT
// What workloads are made of: programs that begin together, compute for a CPU time, and end.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "labs/parts/rounds.h"

namespace timeslice::labs {

struct Program {
  std::string name;            // as `top` shows it, 15 bytes at most
  std::vector<uint32_t> cpus;  // that it may use; empty: all
  std::function<void()> work;
};

// Starts a process for each, lets them begin at the same moment, and waits until all have ended.
// Throws Failure where one couldn't be started or didn't end well; then none is left.
Round run_together(const std::vector<Program>& programs);

// This process, and what it starts from now on. None: wherever it was allowed to run. False: it
// can't be.
[[nodiscard]] bool stay_on(const std::vector<uint32_t>& cpus);

// Computes until this thread has used so much more CPU time.
void compute_ms(int64_t ms);

}  // namespace timeslice::labs
