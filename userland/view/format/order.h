// SPDX-License-Identifier: MIT
// In which order do rows stand? By one column, absent figures last whichever way it is turned, and
// rows that are equal in it as the frame has them. Ten thousand threads take about 1 ms.
#pragma once
#include <cstdint>
#include <vector>

#include "view/format/columns.h"

namespace timeslice::view {

struct Order {
  const Column* column = &view::column(ColumnId::cpu_pct);
  bool reversed = false;

  [[nodiscard]] bool descending() const { return column->descending != reversed; }
};

// Keeps its room between refreshes, so that sorting allocates nothing.
class Sorter {
 public:
  void sort(std::vector<const model::Thread*>& threads, const Order& order);
  void sort(std::vector<const model::Process*>& processes, const Order& order);

  // The same order as indices into `threads`, which stays as it is. Valid until the next call.
  const std::vector<uint32_t>& sorted(const std::vector<const model::Thread*>& threads,
                                      const Order& order);

 private:
  // A figure or the first bytes of a text, turned so that the lesser key comes first.
  struct Key {
    uint64_t key;
    uint32_t index;
  };

  template <typename Row>
  void find_order(const std::vector<const Row*>& rows, const Order& order);
  template <typename Row>
  void sort_rows(std::vector<const Row*>& rows, const Order& order);

  std::vector<Key> keys_;
  std::vector<uint32_t> indices_;
  std::vector<const void*> before_;
};

}  // namespace timeslice::view
