// SPDX-License-Identifier: MIT
// How far can the figures above be trusted? One line that closes every screen and every batch text:
// what was lost by cause, what was cut by the window, and what looking has cost.
#pragma once
#include <string>

#include "model/frame.h"

namespace timeslice::view {

// Every counter, the zeros too: for files and scripts.
std::string trust_in_full(const model::Frame& frame);

// Only the counters that say something: for a line of the screen.
std::string trust_in_brief(const model::Frame& frame);

// Is anything missing that ought to be in the figures?
bool anything_lost(const model::Trust& trust);

}  // namespace timeslice::view
