// SPDX-License-Identifier: MIT
// What does `timeslice uring --json` print at one refresh? One object on one line, in the schema
// "timeslice/uring/1": keys stay, others may come. A time's unit ends its name, and an absent
// figure is null, never 0.
#pragma once
#include <string>

#include "model/uring_frame.h"
#include "view/format/loop_parts.h"

namespace timeslice::view {

// All but its schema, its time, and what it says of how far it can be trusted, which is the other.
OrderedJson uring_json(const model::UringFrame& frame);
OrderedJson uring_trust_json(const model::UringFrame& frame);

void append_json(std::string& out, const model::UringFrame& frame);

}  // namespace timeslice::view
