// SPDX-License-Identifier: MIT
// How busy is each core, at a glance? A bar with its share and switches for each of a few cores;
// for many, one character each, and a line that sums them up.
#pragma once
#include <vector>

#include "model/frame.h"
#include "view/screen/canvas.h"

namespace timeslice::view {

// A bar of `width` characters, filled by `ratio`. Shape tells full from empty, not colour alone.
void draw_bar(Canvas& canvas, int y, int x, int width, double ratio, Style style);

// How many lines do the cores take on a canvas of this size?
int core_lines(const std::vector<model::Core>& cores, int width, int height);

void draw_cores(Canvas& canvas, int y, const std::vector<model::Core>& cores);

}  // namespace timeslice::view
