// SPDX-License-Identifier: MIT
// How does a history end? With what still goes on, and with what the kernel itself counted
// meanwhile.
#include <algorithm>

#include "model/history.h"
#include "model/history_keys.h"

namespace timeslice::model {

namespace {

// Switches whose kind the records don't tell: the kernel's totals do, where no other is missing.
void sort_unclear(ThreadSums& sums) {
  const ThreadSums::Kernel& kernel = sums.kernel;
  const uint64_t seen = sums.voluntary + sums.involuntary + sums.unclear;
  if (sums.unclear == 0 || !kernel.known || seen != kernel.nvcsw + kernel.nivcsw ||
      kernel.nvcsw < sums.voluntary || kernel.nivcsw < sums.involuntary)
    return;
  sums.voluntary = kernel.nvcsw;
  sums.involuntary = kernel.nivcsw;
  sums.unclear = 0;
}

}  // namespace

// Of a thread that has ended, or when the window ends.
void History::take_kernel_totals(uint32_t index, HistoryThread& thread) const {
  const bool whole = from_ns_ <= info_.begin_ns && to_ns_ == UINT64_MAX;
  HistoryThread::Kernel& kernel = thread.kernel;
  if (now_[index].state == State::gone) {
    // In place of its last totals: those on its way out and what we saw of it after.
    kernel.nvcsw += thread.voluntary;
    kernel.nivcsw += thread.involuntary;
    kernel.run_delay_ns += thread.wait_sum_ns;
    kernel.slices += thread.slices;
    kernel.migrations += thread.migrations;
    kernel.known &= whole;
    return sort_unclear(thread);
  }
  kernel = {};
  const auto after = closing_rows_.find({thread.tid, thread.start_ns});
  const auto before = opening_rows_.find({thread.tid, thread.start_ns});
  if (!whole || after == closing_rows_.end()) return;
  if (before == opening_rows_.end() && !thread.born) return;
  const ts_thread_row none{};
  const ts_thread_row& a = before == opening_rows_.end() ? none : before->second;
  const ts_thread_row& b = after->second;
  // Counters never fall: these are two threads.
  if (b.nvcsw < a.nvcsw || b.nivcsw < a.nivcsw || b.run_delay_ns < a.run_delay_ns ||
      b.slices < a.slices || b.migrations < a.migrations)
    return;
  kernel = {true,
            b.nvcsw - a.nvcsw,
            b.nivcsw - a.nivcsw,
            b.cpu_ns > a.cpu_ns ? b.cpu_ns - a.cpu_ns : 0,
            b.run_delay_ns - a.run_delay_ns,
            b.slices - a.slices,
            b.migrations - a.migrations};
  sort_unclear(thread);
}

// It was off when records began to be missing. If the kernel knows of no slice that we don't, it
// still is.
void History::sleep_on(uint32_t index, uint64_t time_ns) {
  Now& now = now_[index];
  const HistoryThread& thread = threads_[index];
  if (now.state != State::unseen || !now.was_off) return;
  if (!thread.kernel.known || thread.kernel.slices != thread.slices) return;
  now.state = State::off;
  account_until(index, time_ns);
}

void History::finish(uint64_t end_ns) {
  if (finished_) return;
  end_ns = std::min(end_ns, to_ns_);
  if (!begun_) begin_window(std::min(from_ns_, end_ns));
  finished_ = true;
  count(0, 0, end_ns);
  for (size_t cpu = 0; cpu < core_now_.size(); ++cpu) {
    CoreNow& core = core_now_[cpu];
    close_core(static_cast<uint16_t>(cpu), end_ns);
    if (core.thread == kNobody) continue;
    core.slice.end_cut = true;
    end_slice(core, end_ns);
  }
  for (uint32_t index = 0; index < threads_.size(); ++index) {
    HistoryThread& thread = threads_[index];
    if (is_outside(index)) continue;
    tell_waiting(index, end_ns);
    take_kernel_totals(index, thread);
    sleep_on(index, end_ns);
    account_until(index, end_ns);
  }
  info_.begin_ns = std::min(from_ns_, end_ns);
  info_.end_ns = end_ns;
}

}  // namespace timeslice::model
