// SPDX-License-Identifier: MIT
// How do the turns of an event loop read that were timed one by one, and what that costs?
#pragma once
#include <cstdint>
#include <string>

#include "model/turn_figures.h"

namespace timeslice::view {

// A line of figures, and one for each octave of the histogram. `now_ns`: CLOCK_MONOTONIC.
void append_turns(std::string& out, const model::TurnFigures& figures, uint64_t now_ns);

// A line about the probes; nothing where there are none.
void append_probing(std::string& out, const model::TurnProbing& probing);

// Why turns aren't timed, or not any more: a sentence; empty where they are. And of phases, why
// they aren't told apart any more.
std::string why_not_timed(const model::TurnProbing& probing);
std::string why_no_phases(const model::TurnProbing& probing);

}  // namespace timeslice::view
