// SPDX-License-Identifier: MIT
// What does `timeslice top --json` print at one refresh? One object on one line, in the schema
// "timeslice/top/1": keys stay, others may come. Rates are per second, a time's unit ends its name,
// and an absent figure is null, never 0.
#pragma once
#include <string>

#include "model/frame.h"

namespace timeslice::view {

void append_json(std::string& out, const model::Frame& frame);

}  // namespace timeslice::view
