// SPDX-License-Identifier: MIT
// What do the threads behind io_uring take? Those that submit or wait for completions, and the
// kernel's own in the same process: io-wq's workers and SQPOLL's.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/thread_key.h"
#include "bpf/wire.h"

namespace timeslice::model {

struct UringThreads {
  uint32_t threads = 0;  // there at the end
  uint64_t cpu_ns = 0;
  uint64_t voluntary = 0, involuntary = 0;

  [[nodiscard]] uint64_t switches() const { return voluntary + involuntary; }
  void add(const UringThreads& other) {
    threads += other.threads;
    cpu_ns += other.cpu_ns;
    voluntary += other.voluntary;
    involuntary += other.involuntary;
  }
};

// Of a process.
struct UringThreadGroups {
  UringThreads submitters, workers, sqpoll;
};

class UringThreadsInterval {
 public:
  // What they took since the call before, by tgid; at the first one, nothing. `submitters`: tids;
  // `sq_threads`: those that rings name as their pollers.
  std::map<uint32_t, UringThreadGroups> advance(const std::vector<const ts_thread_row*>& threads,
                                                std::set<uint32_t> submitters,
                                                const std::set<uint32_t>& sq_threads);

 private:
  struct Before {
    uint64_t cpu_ns, nvcsw, nivcsw;
  };

  bool first_ = true;
  std::unordered_map<ThreadKey, Before> threads_;
};

}  // namespace timeslice::model
