// SPDX-License-Identifier: MIT
#include "model/ended.h"

#include <algorithm>

namespace timeslice::model {

void EndedSum::restart() {
  sum_ = 0;
  due_ = lost_ = 0;
  known_ = restarted_ = true;
}

void EndedSum::take(uint64_t sum) {
  if (known_ && sum > sum_) due_ += static_cast<int64_t>(sum - sum_);
  if (!known_ || sum > sum_) sum_ = sum;
  known_ = true;
}

// Who goes as a process begins was of the one that had its number before.
void EndedSum::lose(uint64_t known) {
  if (!known_ || restarted_) return;
  due_ -= static_cast<int64_t>(known);
  lost_ += static_cast<int64_t>(known);
}

void EndedSum::replace(uint64_t before, uint64_t now) {
  if (known_) due_ += static_cast<int64_t>(now) - static_cast<int64_t>(before);
}

// Who was lost before this pass is in the sum by now: no more than this pass's can be missing.
uint64_t EndedSum::settle() {
  const auto unseen = static_cast<uint64_t>(std::max<int64_t>(due_, 0));
  due_ = std::clamp<int64_t>(due_, -lost_, 0);
  lost_ = 0;
  restarted_ = false;
  return unseen;
}

void EndedSums::restart(const ts_thread_row& first_thread) {
  *this = {};
  began_ns = first_thread.start_ns;
  if (first_thread.record.have & TS_HAVE_ENDED_CPU) cpu_ns.restart();
  if (first_thread.record.have & TS_HAVE_ENDED_SWITCHES) {
    nvcsw.restart();
    nivcsw.restart();
  }
}

void EndedSums::take(const ts_thread_row& first_thread) {
  if (first_thread.record.have & TS_HAVE_ENDED_CPU) cpu_ns.take(first_thread.ended_cpu_ns);
  if (first_thread.record.have & TS_HAVE_ENDED_SWITCHES) {
    nvcsw.take(first_thread.ended_nvcsw);
    nivcsw.take(first_thread.ended_nivcsw);
  }
}

void EndedSums::lose(const ts_thread_row& last) {
  if (last.start_ns < began_ns) return;
  cpu_ns.lose(last.cpu_ns);
  nvcsw.lose(last.nvcsw);
  nivcsw.lose(last.nivcsw);
}

void EndedSums::replace(const ts_thread_row& before, const ts_thread_row& now) {
  cpu_ns.replace(before.cpu_ns, now.cpu_ns);
  nvcsw.replace(before.nvcsw, now.nvcsw);
  nivcsw.replace(before.nivcsw, now.nivcsw);
}

}  // namespace timeslice::model
