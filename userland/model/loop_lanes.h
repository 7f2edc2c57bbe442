// SPDX-License-Identifier: MIT
// Was a loop blocked, or kept from a CPU, in each of N equal parts of the window? Its blocks are
// known from looks at it; when its thread ran and when it waited, from every switch of that thread.
// So a block is told apart, to the ns, from the time in which the loop could do nothing for it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/cells.h"
#include "model/history.h"
#include "model/loop_track.h"

namespace timeslice::model {

class LoopLanes : public Listener {
 public:
  // Of a cell. What is left of it the loop was idle, or asleep in a turn that is no block.
  struct Part {
    uint64_t blocked_ns = 0;  // in a block, running or asleep
    uint64_t starved_ns = 0;  // ready, but waiting for a CPU, in a block or not
    uint64_t busy_ns = 0;     // running, in short turns
    uint64_t unknown_ns = 0;  // running, while nobody looked at the loop
  };

  // Of the first `most` loops. Both outlive it.
  LoopLanes(const History& history, const std::vector<LoopTrack>& loops, size_t most,
            const Cells& cells);

  void slice(const Slice& slice) override;
  void waiting(const Slice& slice) override;

  [[nodiscard]] const std::vector<LoopTrack>& loops() const { return loops_; }
  [[nodiscard]] const Cells& cells() const { return cells_; }
  // By loop and cell; of no more loops than were wanted.
  [[nodiscard]] const std::vector<std::vector<Part>>& parts() const { return parts_; }

 private:
  using Stretch = std::pair<uint64_t, uint64_t>;  // from when to when
  static constexpr uint32_t kUnknown = UINT32_MAX, kNone = UINT32_MAX - 1;

  uint32_t loop_of(uint32_t thread);
  void add_ready(uint32_t loop, const Slice& slice);
  template <typename Within, typename Outside>
  static void split(const std::vector<Stretch>& by, uint64_t begin_ns, uint64_t end_ns,
                    Within within, Outside outside);

  const History& history_;
  const std::vector<LoopTrack>& loops_;
  Cells cells_;
  std::vector<std::vector<Part>> parts_;
  // By loop, in order and apart from each other: its blocks, and when it was looked at.
  std::vector<std::vector<Stretch>> blocks_, looked_at_;
  std::vector<uint32_t> loop_of_;  // by thread
};

}  // namespace timeslice::model
