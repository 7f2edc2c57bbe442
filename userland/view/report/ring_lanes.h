// SPDX-License-Identifier: MIT
// When did io_uring's rings do something, and by which route? A lane for each.
#pragma once
#include <string>

#include "view/report/lanes.h"

namespace timeslice::view {

void append_ring_lanes(std::string& out, const model::RingLanes& lanes, const LaneOptions& options);

// What its signs mean.
void append_ring_legend(std::string& out, bool ascii);

}  // namespace timeslice::view
