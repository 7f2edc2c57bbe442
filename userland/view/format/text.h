// SPDX-License-Identifier: MIT
// What does `timeslice top -b` print at one refresh? Plain ASCII, the same on every terminal and in
// every file: a header, the cores, the processes, the threads, and how far all of it can be
// trusted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/frame.h"
#include "view/format/order.h"

namespace timeslice::view {

struct TextOptions {
  Order order;
  bool kernel_threads = true;
  std::string_view clock;  // the wall clock, "18:31:02"; empty: left out
};

using ColumnList = std::vector<const Column*>;

// Keep one writer: it remembers the lines of the refresh before, and writes anew only those of
// threads that changed.
class TextWriter {
 public:
  void append(std::string& out, const model::Frame& frame, const TextOptions& options);

 private:
  struct ThreadLine {
    const model::Thread* thread = nullptr;
    uint64_t changed_at = 0;
    uint32_t start = 0, length = 0;  // in texts_
  };

  void write_lines(const ColumnList& list);
  void append_sorted(std::string& out, const std::vector<uint32_t>& sorted) const;

  Sorter sorter_;
  std::vector<const model::Process*> processes_;
  std::vector<const model::Thread*> threads_;
  std::vector<ThreadLine> lines_;  // beside threads_
  ColumnList list_;                // the columns that they were written with
  std::string texts_, old_texts_;
};

}  // namespace timeslice::view
