// SPDX-License-Identifier: MIT
// What stands at the foot of the screen: which keys there are, the line that is being typed, or a
// message?
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/frame.h"
#include "view/screen/canvas.h"
#include "view/screen/controls.h"

namespace timeslice::view {

// A message may need several lines, and covers what is above the last one. `frame` may be null.
void draw_last_line(Canvas& canvas, const model::Frame* frame, const Controls& controls);

// `text` in lines of at most this width, broken between words where that can be.
std::vector<std::string> wrapped(std::string_view text, size_t width);

}  // namespace timeslice::view
