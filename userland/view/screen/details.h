// SPDX-License-Identifier: MIT
// What is known of one thread, or of one process? All of it, in a pane: ids, role and how it is
// known, totals and rates, and in aggregate mode the distribution of its waits and its peers.
#pragma once
#include "model/frame.h"
#include "view/screen/canvas.h"
#include "view/screen/list_state.h"

namespace timeslice::view {

constexpr int details_lines = 19;  // what the pane needs for everything

// Draws into lines [y, y + height).
void draw_details(Canvas& canvas, int y, int height, const Row& row, const model::Frame& frame);

}  // namespace timeslice::view
