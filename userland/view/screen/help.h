// SPDX-License-Identifier: MIT
// What do the keys do, what do the columns mean, and what does a mode cost? The page behind h.
#pragma once
#include <string>
#include <vector>

#include "view/screen/canvas.h"

namespace timeslice::view {

struct HelpLine {
  std::string key, text;
  Style style = Style::normal;  // of the text
};

// `recording`: with the keys that move in its time.
std::vector<HelpLine> help_lines(bool recording = false);

// Draws lines [y, y + height) from `top` on; returns the `top` that was possible.
size_t draw_help(Canvas& canvas, int y, int height, size_t top, bool recording = false);

}  // namespace timeslice::view
