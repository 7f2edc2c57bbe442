// SPDX-License-Identifier: MIT
#include "view/report/ring_lanes.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/format/number.h"
#include "view/format/printable.h"
#include "view/report/lane_parts.h"

namespace timeslice::view {

namespace {

// By enum ts_uring_route. In capitals where it is busy: at least half as much as in its busiest
// cell.
constexpr char kLetters[] = {'i', 'a', 'p', 'w'};
constexpr int kColours[] = {36, 227, 32, 166};

void append_label(std::string& out, const model::RingTrack& ring) {
  Scratch scratch;
  const std::string fd = ring.fd < 0 ? "others" : std::to_string(ring.fd);
  const std::string name(clipped(printable(ring.command, scratch), 9));
  const std::string whose =
      name.empty() ? std::to_string(ring.tgid) : fmt::format("{}/{}", name, ring.tgid);
  const std::string label = ring.tgid == 0 ? "rings, others" : fmt::format("ring {}:{}", whose, fd);
  const size_t width = display_width(label);
  out += label + std::string(kLabel - std::min<size_t>(kLabel - 1, width), ' ');
}

void append_lane(std::string& out, const model::RingLanes::Lane& lane, const LaneOptions& options) {
  append_label(out, *lane.ring);
  Painter paint(out, options.colour != LaneColour::none);
  for (const model::RingLanes::Part& part : lane.parts) {
    const double completed = part.completed();
    if (completed == 0) {
      paint.set(-1);
      out += !part.in_flight ? " " : options.ascii ? "." : "·";
      continue;
    }
    const auto route = static_cast<size_t>(part.main_route());
    paint.set(kColours[route]);
    const bool busy = completed * 2 >= lane.most;
    out += static_cast<char>(busy ? kLetters[route] - 'a' + 'A' : kLetters[route]);
  }
  paint.set(-1);
  while (out.back() == ' ') out.pop_back();
  out += '\n';
}

}  // namespace

void append_ring_lanes(std::string& out, const model::RingLanes& lanes,
                       const LaneOptions& options) {
  for (const model::RingLanes::Lane& lane : lanes.lanes()) append_lane(out, lane, options);
  if (lanes.left_out() > 0) out += counted(lanes.left_out(), "more ring", "more rings") + "\n";
  if (!lanes.lanes().empty()) out += "\n";
}

void append_ring_legend(std::string& out, bool ascii) {
  out += fmt::format(
      "ring: most done inline (I), by async callback (A), poll (P), io-wq (W); in small\n"
      "      letters: less than half of its busiest cell; {} in flight only\n",
      ascii ? "." : "·");
}

}  // namespace timeslice::view
