// SPDX-License-Identifier: MIT
#include "tests/live/looking.h"

namespace timeslice::live {

const ts_thread_row* row_of(const Snapshot& snapshot, pid_t tid) {
  for (const ts_thread_row* row : snapshot.threads)
    if (row->tid == static_cast<uint32_t>(tid)) return row;
  return nullptr;
}

const ts_sched_row* sched_of(const Snapshot& snapshot, pid_t tid) {
  for (size_t i = 0; i < snapshot.scheds.size(); ++i)
    if (snapshot.threads[i]->tid == static_cast<uint32_t>(tid)) return snapshot.scheds[i];
  return nullptr;
}

const model::Thread* thread_of(const model::Frame& frame, pid_t tid) {
  for (const model::Thread* thread : frame.threads)
    if (thread->row.tid == static_cast<uint32_t>(tid)) return thread;
  return nullptr;
}

}  // namespace timeslice::live
