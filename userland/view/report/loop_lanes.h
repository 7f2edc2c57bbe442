// SPDX-License-Identifier: MIT
// When was an event loop blocked, and by what? A lane for each, and below it the functions that
// blocked it, each where its longest block begins.
#pragma once
#include <string>

#include "view/report/lanes.h"

namespace timeslice::view {

void append_loop_lanes(std::string& out, const model::LoopLanes& lanes, const LaneOptions& options);
void append_loop_legend(std::string& out, bool ascii);

}  // namespace timeslice::view
