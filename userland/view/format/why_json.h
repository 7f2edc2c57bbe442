// SPDX-License-Identifier: MIT
// What does `timeslice why --json` print? One object on one line, in the schema "timeslice/why/1":
// keys stay, others may come. A time's unit ends its name, and an absent figure is null, never 0.
#pragma once
#include <string>
#include <vector>

#include "model/loop_frame.h"
#include "view/format/why_text.h"

namespace timeslice::view {

// `loops`: for what was refused, and the trust in the rest.
void append_json(std::string& out, const std::vector<ToldProcess>& processes,
                 const model::LoopFrame& loops);

}  // namespace timeslice::view
