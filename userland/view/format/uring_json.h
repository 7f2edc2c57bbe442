// SPDX-License-Identifier: MIT
// What does `timeslice uring --json` print at one refresh? One object on one line, in the schema
// "timeslice/uring/1": keys stay, others may come. A time's unit ends its name, and an absent
// figure is null, never 0.
#pragma once
#include <string>

#include "model/uring_frame.h"

namespace timeslice::view {

void append_json(std::string& out, const model::UringFrame& frame);

}  // namespace timeslice::view
