// SPDX-License-Identifier: MIT
// What does the command line say about how the screen looks?
#pragma once
#include <cstdlib>

#include "tools/top_run.h"
#include "view/screen/screen.h"

namespace timeslice::tools {

inline view::ScreenOptions screen_options(const TopOptions& options) {
  view::ScreenOptions screen;
  if (options.ascii) screen.glyphs = view::Glyphs::ascii;
  const char* no_color = std::getenv("NO_COLOR");
  screen.colour = no_color == nullptr || *no_color == '\0';
  screen.delay_s = options.delay_s;
  screen.order = options.order;
  return screen;
}

}  // namespace timeslice::tools
