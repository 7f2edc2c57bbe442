// SPDX-License-Identifier: MIT
// Which processes of this machine run Node?
#pragma once
#include <cstdint>
#include <vector>

namespace timeslice::live {

// Those that we may look at, in order of tgid. Throws Failure.
std::vector<uint32_t> node_processes();

}  // namespace timeslice::live
