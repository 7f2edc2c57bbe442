// SPDX-License-Identifier: MIT
// Into how many equal parts is a window drawn, and which of them does a stretch of time touch?
#pragma once
#include <algorithm>
#include <cstdint>

namespace timeslice::model {

class Cells {
 public:
  Cells(uint64_t begin_ns, uint64_t end_ns, uint32_t count)
      : begin_ns_(begin_ns),
        end_ns_(std::max(end_ns, begin_ns + 1)),
        count_(std::max(count, 1U)),
        cell_ns_(static_cast<double>(end_ns_ - begin_ns_) / count_) {}

  [[nodiscard]] uint32_t count() const { return count_; }
  [[nodiscard]] double cell_ns() const { return cell_ns_; }

  // Calls add(cell, ns) for each cell that [begin, end) touches.
  template <typename Add>
  void spread(uint64_t begin_ns, uint64_t end_ns, Add add) const {
    begin_ns = std::clamp(begin_ns, begin_ns_, end_ns_);
    end_ns = std::clamp(end_ns, begin_ns, end_ns_);
    while (begin_ns < end_ns) {
      const auto cell = std::min(
          static_cast<uint32_t>(static_cast<double>(begin_ns - begin_ns_) / cell_ns_), count_ - 1);
      const auto cell_end =
          cell + 1 == count_
              ? end_ns_
              : std::max(begin_ns + 1, begin_ns_ + static_cast<uint64_t>((cell + 1) * cell_ns_));
      const uint64_t until = std::min(end_ns, cell_end);
      add(cell, until - begin_ns);
      begin_ns = until;
    }
  }

 private:
  uint64_t begin_ns_, end_ns_;
  uint32_t count_;
  double cell_ns_;
};

}  // namespace timeslice::model
