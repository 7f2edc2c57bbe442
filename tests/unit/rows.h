// SPDX-License-Identifier: MIT
// Made-up rows for the model: threads as a source would hand them out, without a kernel.
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>

#include <cstring>
#include <vector>

#include "model/tracker.h"

namespace made_up {

inline ts_thread_row thread(uint32_t tgid, uint32_t tid, const char* comm = "made-up") {
  ts_thread_row row{};
  row.record = {TS_RECORD_THREAD, sizeof(row),
                TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_WAIT | TS_HAVE_MIGRATIONS |
                    TS_HAVE_SYSCALL | TS_HAVE_FLAGS | TS_HAVE_ON_CPU};
  row.tgid = tgid;
  row.tid = tid;
  row.start_ns = tid * 1000ULL;
  row.state = 'S';
  row.syscall_nr = SYS_nanosleep;
  row.prio = 20;
  strncpy(row.comm, comm, TS_COMM_SIZE - 1);
  return row;
}

// Awaits a condition or a semaphore.
inline ts_thread_row in_futex(ts_thread_row row, uint64_t address) {
  row.syscall_nr = SYS_futex;
  row.syscall_args[0] = address;
  row.syscall_args[1] = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
  return row;
}

// Wants a mutex, or waits inside of a condition's own code.
inline ts_thread_row in_lock(ts_thread_row row, uint64_t address) {
  row = in_futex(row, address);
  row.syscall_args[1] = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  return row;
}

inline ts_thread_row in_epoll(ts_thread_row row, int fd) {
  row.syscall_nr = SYS_epoll_pwait;
  row.syscall_args[0] = static_cast<uint64_t>(fd);
  return row;
}

// A source whose rows the test writes. Rows keep their place; all are news unless `news` says else.
struct Source {
  ts_snapshot_header header{};
  std::vector<ts_thread_row> threads;
  std::vector<ts_sched_row> scheds;  // empty, or one a thread; kind 0: has none
  std::vector<ts_core_row> cores;
  std::vector<uint32_t> news;
  bool all_news = true;

  // One pass, `seconds` after the one before.
  const timeslice::model::Frame& pass(timeslice::model::Tracker& tracker, double seconds = 1) {
    header.time_ns += static_cast<uint64_t>(seconds * 1e9);
    timeslice::Snapshot made{.header = header, .cores = cores, .source = "made-up"};
    for (const ts_thread_row& row : threads) made.threads.push_back(&row);
    for (const ts_sched_row& row : scheds)
      made.scheds.push_back(row.record.kind == TS_RECORD_SCHED ? &row : nullptr);
    if (all_news) {
      news.clear();
      for (uint32_t i = 0; i < threads.size(); ++i) news.push_back(i);
    }
    made.news = news;
    return tracker.advance(made);
  }
};

inline const timeslice::model::Thread* find(const timeslice::model::Frame& frame, uint32_t tid,
                                            bool ended = false) {
  for (const auto* thread : frame.threads)
    if (thread->row.tid == tid && thread->ended == ended) return thread;
  return nullptr;
}

}  // namespace made_up
