// SPDX-License-Identifier: MIT
// How does each CPU get its ring buffer? In parallel: setting a CPU's ring waits in the kernel
// until no program can hold the previous one any more (maybe_wait_bpf_programs()), tens of
// milliseconds on a busy machine; concurrent waiters share that wait.
#pragma once
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

namespace timeslice::observe {

// Makes a ring of `bytes` for each of `cores`, and puts it into the array of maps `map_fd`. By
// core. Throws Failure, with what to do about it.
std::vector<UniqueFd> make_core_rings(int map_fd, uint32_t cores, uint32_t bytes);

}  // namespace timeslice::observe
