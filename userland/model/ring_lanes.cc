// SPDX-License-Identifier: MIT
#include "model/ring_lanes.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace timeslice::model {

namespace {

// Calls add(cell, share) with the share of the stretch that lies in each cell.
template <typename Add>
void spread(const RingStretch& stretch, const Cells& cells, Add add) {
  const auto length = static_cast<double>(stretch.end_ns - stretch.begin_ns);
  cells.spread(stretch.begin_ns, stretch.end_ns,
               [&](uint32_t cell, uint64_t ns) { add(cell, static_cast<double>(ns) / length); });
}

// What it completed in the window; negative: it had nothing to do there.
double completed_in(const RingTrack& ring, const Cells& cells) {
  double completed = -1;
  for (const RingStretch& stretch : ring.stretches) {
    const auto count = static_cast<double>(stretch.completed());
    if (count == 0 && stretch.in_flight == 0) continue;
    spread(stretch, cells,
           [&](uint32_t, double share) { completed = std::max(completed, 0.0) + count * share; });
  }
  return completed;
}

RingLanes::Lane lane_of(const RingTrack& ring, double completed, const Cells& cells) {
  RingLanes::Lane lane{&ring, completed, 0, std::vector<RingLanes::Part>(cells.count())};
  for (const RingStretch& stretch : ring.stretches) {
    const auto by_route = stretch.by_route();
    spread(stretch, cells, [&](uint32_t cell, double share) {
      RingLanes::Part& part = lane.parts[cell];
      part.in_flight |= stretch.in_flight > 0;
      for (size_t route = 0; route < by_route.size(); ++route)
        part.by_route[route] += static_cast<double>(by_route[route]) * share;
    });
  }
  for (const RingLanes::Part& part : lane.parts) lane.most = std::max(lane.most, part.completed());
  return lane;
}

}  // namespace

double RingLanes::Part::completed() const {
  return std::accumulate(by_route.begin(), by_route.end(), 0.0);
}

ts_uring_route RingLanes::Part::main_route() const {
  return static_cast<ts_uring_route>(std::max_element(by_route.begin(), by_route.end()) -
                                     by_route.begin());
}

RingLanes::RingLanes(const std::vector<RingTrack>& rings, size_t most, const Cells& cells) {
  std::vector<std::pair<double, const RingTrack*>> busy;
  for (const RingTrack& ring : rings)
    if (const double completed = completed_in(ring, cells); completed >= 0)
      busy.emplace_back(completed, &ring);
  std::stable_sort(busy.begin(), busy.end(),
                   [](const auto& one, const auto& other) { return one.first > other.first; });
  left_out_ = busy.size() - std::min(most, busy.size());
  busy.resize(busy.size() - left_out_);
  for (const auto& [completed, ring] : busy) lanes_.push_back(lane_of(*ring, completed, cells));
}

}  // namespace timeslice::model
