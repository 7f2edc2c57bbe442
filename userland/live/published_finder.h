// SPDX-License-Identifier: MIT
// Which event loops of our own does a process have, and on which threads do they run? They tell it
// themselves, in a table that the program exports (base/published_loop.h).
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bpf/look.h"
#include "observe/process_maps.h"
#include "observe/target_memory.h"
#include "runtime/published_loops.h"

namespace timeslice::live {

struct FoundPublished {
  runtime::PublishedLoopState loop;
  uint32_t tid = 0;  // as we see it
  uint64_t thread_start_ns = 0;
};

class PublishedFinder {
 public:
  explicit PublishedFinder(uint32_t tgid);

  // It has our loop, whether or not one runs by now.
  [[nodiscard]] bool has_table() const { return table_at_ != 0; }
  // Where its table couldn't be read, why: a clause. Empty: it could, or there is none.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  // By looks at all threads of the process. Those that have begun a turn, and run.
  std::vector<FoundPublished> find(std::span<const ts_look> looks);

 private:
  observe::TargetMemory memory_;
  uint64_t table_at_ = 0;
  std::string refusal_;
};

// The workers of the cluster that this process manages with our loop; empty where it doesn't.
std::vector<uint32_t> published_workers(uint32_t manager);
// It is such a worker.
[[nodiscard]] bool is_published_worker(uint32_t tgid);

}  // namespace timeslice::live
