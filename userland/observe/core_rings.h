// SPDX-License-Identifier: MIT
// How does each core get its ring? All at once: whoever gives a core its ring waits in the kernel
// until no program can have the one before any more (maybe_wait_bpf_programs()), tens of
// milliseconds on a busy machine; those who wait at the same time wait for the same.
#pragma once
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

namespace timeslice::observe {

// Makes a ring of `bytes` for each of `cores`, and puts it into the array of maps `map_fd`. By
// core. Throws Failure, with what to do about it.
std::vector<UniqueFd> make_core_rings(int map_fd, uint32_t cores, uint32_t bytes);

}  // namespace timeslice::observe
