// SPDX-License-Identifier: MIT
// What does `timeslice uring` print at one refresh? The rings, a line an operation, and what all of
// them cost.
#pragma once
#include <string>

#include "model/uring_frame.h"

namespace timeslice::view {

void append_text(std::string& out, const model::UringFrame& frame);

}  // namespace timeslice::view
