// SPDX-License-Identifier: MIT
// How full was a process's thread pool? By looks at it, as many as at its loops.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace timeslice::model {

struct PoolLook {
  uint32_t threads = 0, idle = 0;
  std::optional<uint32_t> queued, slow;  // jobs that wait; absent where that couldn't be read
};

struct QueuedJobs {
  std::string kind, what;  // as runtime/uv_pool.h has them
  uint32_t count = 0;
};

struct PoolFigures {
  uint32_t looks = 0, saturated_looks = 0;  // saturated: no thread of it waited for a job
  uint32_t threads = 0;                     // at the last look
  double busy = 0;                          // threads, on average over the looks
  std::optional<uint32_t> queued, slow;     // at the last look that could read them
  uint32_t most_queued = 0;                 // in both queues, over the looks
  std::vector<QueuedJobs> jobs;             // that waited then, most frequent first
};

class PoolLooks {
 public:
  void add(const PoolLook& look) {
    ++now_.looks;
    const uint32_t busy = look.threads - std::min(look.idle, look.threads);
    busy_ += busy;
    now_.saturated_looks += look.threads > 0 && busy == look.threads;
    now_.threads = look.threads;
    if (look.queued) now_.queued = look.queued;
    if (look.slow) now_.slow = look.slow;
    now_.most_queued = std::max(now_.most_queued, look.queued.value_or(0) + look.slow.value_or(0));
  }

  // Since the last call; absent where there was no look.
  std::optional<PoolFigures> take() {
    if (now_.looks == 0) return std::nullopt;
    now_.busy = static_cast<double>(std::exchange(busy_, 0)) / now_.looks;
    return std::exchange(now_, PoolFigures());
  }

 private:
  PoolFigures now_;
  uint64_t busy_ = 0;  // summed over the looks
};

}  // namespace timeslice::model
