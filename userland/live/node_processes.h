// SPDX-License-Identifier: MIT
// Which processes of this machine run Node?
#pragma once
#include <cstdint>
#include <vector>

#include "model/frame.h"

namespace timeslice::live {

// Whose event loops are watched unasked: those of Node, and of our own loop, but not ours here.
[[nodiscard]] bool has_loops_to_watch(const model::Process& process);

// Those that we may look at, in order of tgid. Throws Failure.
std::vector<uint32_t> node_processes();

}  // namespace timeslice::live
