// SPDX-License-Identifier: MIT
// Which records are missing, and not told yet? A core tells how many it couldn't write when one
// finds room again. Where a recording is cut before that, the gap is told at the cut, and what the
// core tells of it later is only what was lost since.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::model {

class Losses {
 public:
  explicit Losses(size_t cores) : cores_(cores) {}

  // A core's own word, in the order of its records. Returns how many of them no cut has told.
  uint64_t take(const ts_event_lost& record) {
    if (record.event.cpu >= cores_.size()) return record.records;
    Core& core = cores_[record.event.cpu];
    const uint64_t by_cut = std::min<uint64_t>(core.by_cut, record.records);
    core.by_cut -= by_cut;
    core.told += record.records - by_cut;
    return record.records - by_cut;
  }

  // `dropped`: by core, all that were lost up to the cut; what its core told before the cut has
  // been taken. Returns by core how many of them nobody has told. From now on they are told.
  std::vector<uint64_t> cut(const std::vector<uint64_t>& dropped) {
    std::vector<uint64_t> untold(cores_.size());
    for (size_t cpu = 0; cpu < std::min(cores_.size(), dropped.size()); ++cpu) {
      Core& core = cores_[cpu];
      if (dropped[cpu] <= core.told) continue;
      untold[cpu] = dropped[cpu] - core.told;
      core.by_cut += untold[cpu];
      core.told += untold[cpu];
    }
    return untold;
  }

 private:
  struct Core {
    uint64_t told = 0;    // by it or by a cut
    uint64_t by_cut = 0;  // of those, that it hasn't told yet itself
  };
  std::vector<Core> cores_;
};

}  // namespace timeslice::model
