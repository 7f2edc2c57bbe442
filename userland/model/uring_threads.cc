// SPDX-License-Identifier: MIT
#include "model/uring_threads.h"

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace timeslice::model {

namespace {

std::string_view comm_of(const ts_thread_row& row) {
  return {row.comm, strnlen(row.comm, sizeof(row.comm))};
}

// Who made a poller, submits by it without a system call that could be seen. The kernel names the
// poller after that thread: "iou-sqp-TID".
void add_makers_of_pollers(std::set<uint32_t>& tids,
                           const std::vector<const ts_thread_row*>& threads) {
  constexpr std::string_view kPoller = "iou-sqp-";
  for (const ts_thread_row* row : threads) {
    const std::string_view comm = comm_of(*row);
    if (!(row->flags & TS_THREAD_IO_WORKER) || !comm.starts_with(kPoller)) continue;
    uint32_t tid = 0;
    std::from_chars(comm.data() + kPoller.size(), comm.data() + comm.size(), tid);
    tids.insert(tid);
  }
}

}  // namespace

// A thread that wasn't there at the reading before has begun since: all of its figures count.
std::map<uint32_t, UringThreadGroups> UringThreadsInterval::advance(
    const std::vector<const ts_thread_row*>& threads, std::set<uint32_t> submitters,
    const std::set<uint32_t>& sq_threads) {
  std::map<uint32_t, UringThreadGroups> groups;
  std::unordered_map<ThreadKey, Before> seen;
  add_makers_of_pollers(submitters, threads);
  for (const ts_thread_row* row : threads) {
    const ThreadKey key{row->tid, row->start_ns};
    seen[key] = {row->cpu_ns, row->nvcsw, row->nivcsw};
    const bool is_kernels = row->flags & TS_THREAD_IO_WORKER;
    if (!is_kernels && submitters.count(row->tid) == 0) continue;
    const bool is_poller = sq_threads.count(row->tid) || comm_of(*row).starts_with("iou-sqp");
    UringThreadGroups& process = groups[row->tgid];
    UringThreads& group = !is_kernels ? process.submitters
                          : is_poller ? process.sqpoll
                                      : process.workers;
    ++group.threads;
    if (first_) continue;
    const auto before = threads_.find(key);
    const Before start = before == threads_.end() ? Before{0, 0, 0} : before->second;
    group.cpu_ns += row->cpu_ns - start.cpu_ns;
    group.voluntary += row->nvcsw - start.nvcsw;
    group.involuntary += row->nivcsw - start.nivcsw;
  }
  threads_ = std::move(seen);
  first_ = false;
  return groups;
}

}  // namespace timeslice::model
