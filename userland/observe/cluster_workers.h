// SPDX-License-Identifier: MIT
// Which processes are a Node cluster's workers? The children that their primary has given a number
// in the environment.
#pragma once
#include <cstdint>
#include <vector>

namespace timeslice::observe {

// Whom its first thread has started.
std::vector<uint32_t> children(uint32_t tgid);
// Empty where there are none, or where we may not look.
std::vector<uint32_t> cluster_workers(uint32_t primary);
// Of the cluster in which it is a worker itself.
std::vector<uint32_t> cluster_around(uint32_t worker);
// Its parent is its primary. False as well where we may not look.
bool is_cluster_worker(uint32_t tgid);

}  // namespace timeslice::observe
