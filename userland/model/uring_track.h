// SPDX-License-Identifier: MIT
// What did io_uring do on the time axis of a recording? As its recorder has counted it: of each
// ring its state now and then, and its operations, stretch by stretch; of each process what the
// threads behind them took. Readers fill it, the reports and the page show it. All times are
// CLOCK_MONOTONIC.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/uring_frame.h"
#include "model/uring_threads.h"

namespace timeslice::model {

// Of one opcode within a stretch; as struct ts_uring_op.
struct RingOp {
  uint32_t slot = 0;
  std::array<uint64_t, TS_URING_ROUTES> by_route{};
  uint64_t shots = 0, refused = 0, without_cqe = 0, unseen = 0;
  std::vector<std::pair<uint32_t, uint32_t>> latencies;  // bucket and count
};

// From one moment at which the recorder took the figures to the next one, some 0.2 s.
struct RingStretch {
  uint64_t begin_ns = 0, end_ns = 0;
  uint64_t in_flight = 0;  // at its end
  std::vector<RingOp> ops;

  [[nodiscard]] uint64_t completed() const;
  [[nodiscard]] std::array<uint64_t, TS_URING_ROUTES> by_route() const;
};

struct RingTrack {
  uint32_t tgid = 0;
  int fd = -1;                                         // -1: those whose descriptor isn't known
  std::string command;                                 // its process's name; any bytes
  std::vector<std::pair<uint64_t, UringRing>> states;  // from when on, in the order of time
  std::vector<RingStretch> stretches;                  // in the order of time; none where it rested
};

struct UringThreadStretch {
  uint32_t tgid = 0;
  uint64_t begin_ns = 0, end_ns = 0;
  UringThreadGroups groups;
};

struct UringTrustStretch {
  uint64_t begin_ns = 0, end_ns = 0;
  uint64_t overflows = 0, missed_runs = 0;
  uint64_t probe_ns = 0, probe_ops = 0;
};

struct UringTracks {
  bool recorded = false;
  std::vector<RingTrack> rings;             // by process and descriptor
  std::vector<UringThreadStretch> threads;  // these two in the order of time
  std::vector<UringTrustStretch> trust;
  std::string note;  // why there is nothing, or not all
};

// What it came to within a window: the sums of the stretches that end in it, and each ring as it
// was at its end.
[[nodiscard]] UringFrame summed_up(const UringTracks& tracks, uint64_t from_ns, uint64_t to_ns);

}  // namespace timeslice::model
