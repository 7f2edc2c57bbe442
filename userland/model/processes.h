// SPDX-License-Identifier: MIT
// Which process does each thread of a history belong to? Numbers are used again, within minutes
// where they are few: two processes that had the same one after each other are two. Each goes by
// one of its threads: its first thread where that is known, else the first that is.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/history.h"

namespace timeslice::model {

class Processes {
 public:
  explicit Processes(std::span<const HistoryThread> threads);

  // The thread that the process of `thread` goes by; the same for all of a process. Both are
  // indices into the threads.
  [[nodiscard]] uint32_t of(uint32_t thread) const { return leaders_[numbers_[thread]]; }

 private:
  // The last one that had a number.
  struct Process {
    uint32_t number = 0;
    bool has_first = false;  // its first thread is known
    uint64_t last_ns = 0;    // of all its threads so far
  };
  std::vector<uint32_t> numbers_;  // by thread
  std::vector<uint32_t> leaders_;  // by number
};

}  // namespace timeslice::model
