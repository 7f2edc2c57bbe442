// SPDX-License-Identifier: MIT
// What does `timeslice loop --json` print at one refresh? One object on one line, in the schema
// "timeslice/loop/1": keys stay, others may come. A time's unit ends its name, and an absent figure
// is null, never 0.
#pragma once
#include <string>

#include "model/loop_frame.h"
#include "view/format/loop_parts.h"

namespace timeslice::view {

// Its "loops", "pools" and what it says of how far they can be trusted, as they are there.
OrderedJson loops_json(const model::LoopFrame& frame);
OrderedJson pools_json(const model::LoopFrame& frame);
OrderedJson loop_trust_json(const model::LoopFrame& frame);

void append_json(std::string& out, const model::LoopFrame& frame);

}  // namespace timeslice::view
