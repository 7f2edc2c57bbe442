// SPDX-License-Identifier: MIT
#include "view/screen/time_bar.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/screen/bars.h"

namespace timeslice::view {

namespace {

double seconds(uint64_t from_ns, uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0;
}

std::string_view state(const TimeBar& bar, bool paused) {
  if (bar.at_end()) return "at the end";
  return paused ? "paused" : "playing";
}

}  // namespace

void draw_time_bar(Canvas& canvas, int y, const TimeBar& bar, bool paused, double speed) {
  const bool runs = !paused && !bar.at_end();
  const double whole = seconds(bar.begin_ns, bar.end_ns), here = seconds(bar.begin_ns, bar.now_ns);
  int x =
      canvas.put(y, 0, fmt::format("{:<10}", state(bar, paused)), runs ? Style::good : Style::warn);
  x = canvas.put(y, x + 1, fmt::format("x{:<5}", speed), Style::faint);
  const std::string position = fmt::format("{:.3f} / {:.3f} s", here, whole);
  const int position_x = canvas.width() - static_cast<int>(position.size());
  draw_bar(canvas, y, x + 1, position_x - x - 3, whole > 0 ? here / whole : 1, Style::accent);
  canvas.put(y, position_x, position, Style::strong);
}

}  // namespace timeslice::view
