// SPDX-License-Identifier: MIT
// When does a recorder look for roles? Each second anyway, for what a thread is for shows best
// while it sleeps. But a thread may live for less than that: so a new thread is examined with
// the next flush, unless that has taken more than a 50th of the time.
#pragma once
#include <cstdint>

#include "bpf/wire.h"

namespace timeslice::record {

class LookTimes {
 public:
  static constexpr uint64_t kShare = 50;  // of the time that has gone by since a look

  // A thread was born, or began another program. Who was forked is as its parent, until it does.
  void note(const ts_event_identity& identity) {
    if (identity.flags & (TS_THREAD_KERNEL | TS_THREAD_OUTSIDE)) return;
    const bool process = identity.event.tid == identity.tgid;
    news_ |= identity.event.kind == TS_EVENT_EXEC || !process;
  }

  [[nodiscard]] bool due(uint64_t now_ns) const {
    return news_ && now_ns - looked_ns_ >= cost_ns_ * kShare;
  }

  // A look begins, whatever it was due for: news that come meanwhile are for the next one.
  void begin() { news_ = false; }
  // And has ended, after `cost_ns` of CPU time.
  void end(uint64_t now_ns, uint64_t cost_ns) {
    looked_ns_ = now_ns;
    cost_ns_ = cost_ns;
  }

 private:
  bool news_ = false;
  uint64_t looked_ns_ = 0, cost_ns_ = 0;  // the last look
};

}  // namespace timeslice::record
