// SPDX-License-Identifier: MIT
// What did the threads of a process do that have ended? Each leaves its totals with its process, in
// one sum for all (signal->nvcsw and others of its kind). What the sum grew by since the last pass,
// less what was known of the threads that are gone, is what they did unseen: the last moments of
// those that had a row, the whole life of those that never had one.
#pragma once
#include <cstdint>

#include "bpf/wire.h"

namespace timeslice::model {

// One figure of one process. Between two settle(), what a pass brought comes in any order.
class EndedSum {
 public:
  // The process began after the last pass: all that is in its sum is news.
  void restart();
  // The sum as this pass has it. The first one says what was there before we looked.
  void take(uint64_t sum);
  // A thread is gone, of which `known` had been seen.
  void lose(uint64_t known);
  // The id of a thread is another's now: what has been seen under it is `now` instead of `before`.
  void replace(uint64_t before, uint64_t now);

  // What threads that ended did unseen since the last call.
  uint64_t settle();

  // False where the source has no such sum; then all else is 0.
  [[nodiscard]] bool known() const { return known_; }
  // Of all threads that are gone.
  [[nodiscard]] uint64_t total() const {
    return sum_ + static_cast<uint64_t>(due_ < 0 ? -due_ : 0);
  }

 private:
  uint64_t sum_ = 0;
  // Growth of the sum that wasn't seen. Below 0: who is gone from the list is not yet in the sum,
  // for the sum was read first; the next pass has it.
  int64_t due_ = 0;
  int64_t lost_ = 0;  // since settle()
  bool known_ = false, restarted_ = false;
};

struct EndedSums {
  EndedSum cpu_ns, nvcsw, nivcsw;
  uint64_t began_ns = 0;  // CLOCK_BOOTTIME; 0: before we looked

  // Each takes of a row what its source has.
  void restart(const ts_thread_row& first_thread);
  void take(const ts_thread_row& first_thread);
  void lose(const ts_thread_row& last);  // unless it belonged to a process before this one
  void replace(const ts_thread_row& before, const ts_thread_row& now);
};

}  // namespace timeslice::model
