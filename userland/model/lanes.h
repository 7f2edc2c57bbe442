// SPDX-License-Identifier: MIT
// Which thread had each CPU, and what did each thread do, in each of N equal parts of the window? A
// listener that sums up a history's slices in cells, as many as a terminal or a page needs.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/cells.h"
#include "model/history.h"

namespace timeslice::model {

class Lanes : public Listener {
 public:
  // What a thread did within a cell of its lane.
  struct Part {
    uint32_t cell = 0;
    uint64_t oncpu_ns = 0, ready_ns = 0;
  };
  // What one thread had of a core within a cell, and how it left there last.
  struct Share {
    uint32_t thread = kNobody;
    uint64_t ns = 0;
    uint16_t leaving = 0;
    bool voluntary = false;
    bool cut = false;
  };

  Lanes(uint64_t begin_ns, uint64_t end_ns, uint32_t cells) : cells_(begin_ns, end_ns, cells) {}

  void slice(const Slice& slice) override;
  void waiting(const Slice& slice) override;

  [[nodiscard]] uint32_t cells() const { return cells_.count(); }
  [[nodiscard]] double cell_ns() const { return cells_.cell_ns(); }
  // By core and cell; in no order within one. Empty beyond what was seen.
  [[nodiscard]] const std::vector<std::vector<std::vector<Share>>>& cores() const { return cores_; }
  // By thread, in the order of cells; cells without anything are left out.
  [[nodiscard]] const std::vector<std::vector<Part>>& threads() const { return threads_; }

 private:
  void add_ready(const Slice& slice);
  Part& part(uint32_t thread, uint32_t cell);
  // Where each thread's share stands in the cell that a core's slices have come to.
  struct LastCell {
    uint32_t cell = UINT32_MAX;
    std::unordered_map<uint32_t, uint32_t> places;
  };
  static Share& share_in(std::vector<Share>& shares, LastCell& last, uint32_t cell,
                         uint32_t thread);

  Cells cells_;
  std::vector<std::vector<std::vector<Share>>> cores_;
  std::vector<LastCell> last_;  // by core
  std::vector<std::vector<Part>> threads_;
};

}  // namespace timeslice::model
