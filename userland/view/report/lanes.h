// SPDX-License-Identifier: MIT
// What does a recording look like as text? A line for each event loop, with what blocked it, one
// for each io_uring ring, one for each core, then one for each of the busiest threads, time from
// left to right, as wide as the terminal.
#pragma once
#include <cstdint>
#include <string>

#include "model/lanes.h"
#include "model/loop_lanes.h"
#include "model/report.h"
#include "model/ring_lanes.h"

namespace timeslice::view {

enum class LaneColour { none, thread, reason };

struct LaneOptions {
  uint32_t width = 80;  // characters
  uint32_t threads = 20;
  LaneColour colour = LaneColour::none;
  bool ascii = false;
  bool heading = true;                      // what was recorded, for how long
  const model::LoopLanes* loops = nullptr;  // of as many cells; null: none were recorded
  const model::RingLanes* rings = nullptr;  // the same
};

// How many cells a line of that width has.
uint32_t lane_cells(uint32_t width);

// `lanes` has lane_cells(options.width) cells.
void append_lanes(std::string& out, const model::Report& report, const model::Lanes& lanes,
                  const LaneOptions& options);

}  // namespace timeslice::view
