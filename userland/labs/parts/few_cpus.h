// SPDX-License-Identifier: MIT
// Some labs fill all CPUs that they use. On a large machine they would need hundreds of processes
// for that, and show nothing more: they use a few.
#pragma once
#include <algorithm>
#include <cstdint>

#include "base/failure.h"
#include "labs/parts/lab.h"
#include "labs/parts/programs.h"

namespace timeslice::labs {

inline int64_t few_cpus(const Machine& machine) {
  return std::min<int64_t>(static_cast<int64_t>(machine.cpus.size()), 4);
}

// This process, and what it starts from now on.
// Throws Failure.
inline void stay_on_few_cpus(const Machine& machine) {
  if (!stay_on({machine.cpus.begin(), machine.cpus.begin() + few_cpus(machine)}))
    throw Failure("cannot choose the CPUs that the lab's program may use");
}

}  // namespace timeslice::labs
