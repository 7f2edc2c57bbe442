// SPDX-License-Identifier: MIT
#include "model/processes.h"

#include <algorithm>

namespace timeslice::model {

// A history's threads stand in the order in which they came. While any thread of a process lives,
// its number is no other's: where one comes that has the number itself when all others are over, a
// new process begins. (One that has it while others live has taken it over by exec.)
Processes::Processes(std::span<const HistoryThread> threads) {
  std::unordered_map<uint32_t, Process> by_tgid;
  numbers_.reserve(threads.size());
  for (uint32_t index = 0; index < threads.size(); ++index) {
    const HistoryThread& thread = threads[index];
    const bool is_first = thread.tid == thread.tgid;
    const auto [at, added] = by_tgid.try_emplace(thread.tgid);
    Process& process = at->second;
    const bool over = process.last_ns <= thread.first_ns;
    if (added || (is_first && over && (process.has_first || thread.born))) {
      process = {static_cast<uint32_t>(leaders_.size()), is_first, 0};
      leaders_.push_back(index);
    } else if (is_first && !process.has_first) {
      process.has_first = true;
      leaders_[process.number] = index;
    }
    process.last_ns = std::max(process.last_ns, thread.last_ns);
    numbers_.push_back(process.number);
  }
}

}  // namespace timeslice::model
