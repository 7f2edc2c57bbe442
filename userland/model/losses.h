// SPDX-License-Identifier: MIT
// Which missing records haven't been reported yet? A CPU reports how many it couldn't write once
// there is room again. If a recording is cut before that, the gap is reported at the cut, and what
// the CPU reports later counts only for what was lost since.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::model {

class Losses {
 public:
  explicit Losses(size_t cores) : cores_(cores) {}

  // A CPU's own report, in the order of its records. Returns how many of them no cut has reported.
  uint64_t take(const ts_event_lost& record) {
    if (record.event.cpu >= cores_.size()) return record.records;
    Core& core = cores_[record.event.cpu];
    const uint64_t by_cut = std::min<uint64_t>(core.by_cut, record.records);
    core.by_cut -= by_cut;
    core.told += record.records - by_cut;
    return record.records - by_cut;
  }

  // `dropped`: by CPU, all that were lost up to the cut; what the CPU reported before it has
  // been taken. Returns by CPU how many of them are unreported; from now on they are reported.
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
    uint64_t by_cut = 0;  // of those, what it hasn't reported itself yet
  };
  std::vector<Core> cores_;
};

}  // namespace timeslice::model
