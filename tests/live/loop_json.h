// SPDX-License-Identifier: MIT
// What does `timeslice loop --json` print first, once it has found a loop?
#pragma once
#include <optional>

#include "tests/live/processes.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

// Absent: it ended without one.
inline std::optional<Json> first_frame_with_loops(Command& tool) {
  std::optional<Json> frame;
  const bool ended_or_found = until([&] {
    const auto line = tool.line();
    if (line) frame = Json::parse(*line);
    return !line || !(*frame)["loops"].empty();
  });
  return ended_or_found ? frame : std::nullopt;
}

}  // namespace timeslice::live
