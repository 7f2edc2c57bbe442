// SPDX-License-Identifier: MIT
// How much did io_uring's rings do in each of N equal parts of the window, and by which route?
// Their operations are counted by stretches of about 0.2 s, so within one they are spread evenly.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "model/cells.h"
#include "model/uring_track.h"

namespace timeslice::model {

class RingLanes {
 public:
  // Of a cell.
  struct Part {
    std::array<double, TS_URING_ROUTES> by_route{};
    bool in_flight = false;  // some request was at a stretch's end

    [[nodiscard]] double completed() const;
    [[nodiscard]] ts_uring_route main_route()
        const;  // that had most; where something was completed
  };
  struct Lane {
    const RingTrack* ring;
    double completed = 0, most = 0;  // in the window, and in the busiest cell
    std::vector<Part> parts;
  };

  // Of the `most` busiest, of those that did anything. `rings` outlive it.
  RingLanes(const std::vector<RingTrack>& rings, size_t most, const Cells& cells);

  [[nodiscard]] const std::vector<Lane>& lanes() const { return lanes_; }
  [[nodiscard]] size_t left_out() const { return left_out_; }

 private:
  std::vector<Lane> lanes_;
  size_t left_out_ = 0;
};

}  // namespace timeslice::model
