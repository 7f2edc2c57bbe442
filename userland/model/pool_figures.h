// SPDX-License-Identifier: MIT
// How full was a process's thread pool? By looks at it, as many as at its loops.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/counted_call.h"
#include "model/job_waits.h"
#include "model/time_split.h"

namespace timeslice::model {

struct PoolLook {
  uint64_t at_ns = 0;  // CLOCK_MONOTONIC
  uint32_t threads = 0, idle = 0;
  std::optional<uint32_t> queued, slow;  // jobs that wait; absent where that couldn't be read
  std::vector<uint64_t> waiting;         // their addresses, those of the slow queue last
};

// One of its threads that has a job, at one look, and the time since the look before: what the
// kernel counted of it.
struct WorkerLook {
  uint64_t since_ns = 0, cpu_ns = 0, wait_ns = 0;
  std::string call;  // in which it sleeps; empty: it doesn't
};

// What its threads did while they had a job.
struct PoolWork {
  uint32_t looks = 0;              // at threads that had one
  TimeSplit time;                  // of all of them
  std::vector<CountedCall> calls;  // in which they slept, most frequent first
};

struct QueuedJobs {
  std::string kind, what;  // as runtime/uv_pool.h has them
  uint32_t count = 0;
};

struct PoolFigures {
  uint32_t looks = 0, saturated_looks = 0;  // saturated: no thread of it waited for a job
  uint32_t full_looks = 0;                  // and jobs waited for a thread
  uint32_t threads = 0;                     // at the last look
  double busy = 0;                          // threads, on average over the looks
  std::optional<uint32_t> queued, slow;     // at the last look that could read them
  uint32_t most_queued = 0;                 // in both queues, over the looks
  std::vector<QueuedJobs> jobs;             // that waited then, most frequent first
  JobWaitFigures waits;                     // of both queues
  PoolWork work;
};

class PoolLooks {
 public:
  void add(const PoolLook& look);
  void add_worker(const WorkerLook& look);
  // Since the last call; absent where there was no look.
  std::optional<PoolFigures> take();

 private:
  PoolFigures now_;
  uint64_t busy_ = 0;  // summed over the looks
  JobWaits queue_, slow_queue_;
  std::map<std::string, uint32_t> calls_;
};

}  // namespace timeslice::model
