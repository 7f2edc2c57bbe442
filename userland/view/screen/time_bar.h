// SPDX-License-Identifier: MIT
// Where in a recording does the screen stand, and does time go on there? One line below the title.
#pragma once
#include <cstdint>
#include <string>

#include "view/screen/canvas.h"

namespace timeslice::view {

struct TimeBar {
  uint64_t begin_ns = 0, end_ns = 0, now_ns = 0;  // on one clock, whichever
  std::string began;                              // when it was recorded; empty: not known
  std::string clock;                              // the wall clock at that moment; empty: not known
  [[nodiscard]] bool at_end() const { return now_ns >= end_ns; }
  // The moment at this part of the whole.
  [[nodiscard]] uint64_t at(double ratio) const {
    return begin_ns + static_cast<uint64_t>(ratio * static_cast<double>(end_ns - begin_ns));
  }
};

// `speed`: recorded seconds in each second.
void draw_time_bar(Canvas& canvas, int y, const TimeBar& bar, bool paused, double speed);

}  // namespace timeslice::view
