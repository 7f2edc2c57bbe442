// SPDX-License-Identifier: MIT
// How do things stand in the middle of a recording? What goes on at a moment, a slice, a wait, a
// core's idling, is counted up to there, without ending it.
#include <algorithm>

#include "model/history.h"

namespace timeslice::model {

History::Doing History::doing(uint32_t index, uint64_t time_ns) const {
  const HistoryThread& thread = threads_[index];
  const Now& now = now_[index];
  Doing doing;
  doing.state = now.state;
  doing.cpu = now.has_cpu ? now.cpu : -1;
  doing.oncpu_ns = thread.oncpu_ns;
  doing.run_delay_ns = thread.wait_sum_ns + now.part_ns;
  doing.voluntary = thread.voluntary;
  doing.involuntary = thread.involuntary;
  doing.unclear = thread.unclear;
  const bool at_end = info_.end_ns != 0 && time_ns >= info_.end_ns;
  if (thread.unclear != 0 && (at_end || now.state == State::gone)) {
    HistoryThread told = thread;
    take_kernel_totals(index, told);
    doing.voluntary = told.voluntary;
    doing.involuntary = told.involuntary;
    doing.unclear = told.unclear;
  }
  const uint64_t gap = time_ns > now.since_ns ? time_ns - now.since_ns : 0;
  if (now.state == State::running) doing.oncpu_ns += gap;
  // Whoever woke it met it on its way off the core: it didn't sleep.
  if (now.state == State::off && now.early) doing.state = State::ready;
  if (doing.state != State::ready) return doing;
  const uint64_t since_ns = std::max(now.since_ns, now.waking_ns);
  const uint64_t wait_ns = time_ns > since_ns ? time_ns - since_ns : 0;
  doing.pending_ns = wait_ns - std::min(wait_ns, now.part_ns);
  return doing;
}

HistoryCore History::core_at(uint32_t cpu, uint64_t time_ns) const {
  HistoryCore core = cores_[cpu];
  const CoreNow& now = core_now_[cpu];
  const uint64_t gap = time_ns > now.since_ns ? time_ns - now.since_ns : 0;
  if (!now.seen)
    core.unseen_ns += gap;
  else if (now.thread == kNobody)
    core.idle_ns += gap;
  else
    core.busy_ns += gap;
  return core;
}

}  // namespace timeslice::model
