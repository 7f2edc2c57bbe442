// SPDX-License-Identifier: MIT
// What is where on the screen of `timeslice top`? Title, cores, the list or what covers it, the
// trust line, and a last line for keys, questions and messages. Drawn on a canvas, without a
// terminal.
#pragma once
#include <string_view>

#include "model/frame.h"
#include "view/screen/canvas.h"
#include "view/screen/controls.h"

namespace timeslice::view {

constexpr int least_width = 80, least_height = 24;

// `frame` may be null before the first refresh. Tells `controls` how many rows are in sight.
void draw_page(Canvas& canvas, const model::Frame* frame, Controls& controls,
               std::string_view clock);

}  // namespace timeslice::view
