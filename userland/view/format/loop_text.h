// SPDX-License-Identifier: MIT
// What does `timeslice loop` print at one refresh? A line a loop, and below it each block.
#pragma once
#include <string>

#include "model/loop_frame.h"

namespace timeslice::view {

void append_text(std::string& out, const model::LoopFrame& frame);

}  // namespace timeslice::view
