// SPDX-License-Identifier: MIT
#include "model/uring_figures.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <numeric>
#include <string_view>

#include "model/waits.h"

namespace timeslice::model {

namespace {

// include/uapi/linux/io_uring.h, enum io_uring_op, in its order, as io_uring_get_opcode has it.
constexpr const char* kNames[] = {
    "NOP",
    "READV",
    "WRITEV",
    "FSYNC",
    "READ_FIXED",
    "WRITE_FIXED",
    "POLL_ADD",
    "POLL_REMOVE",
    "SYNC_FILE_RANGE",
    "SENDMSG",
    "RECVMSG",
    "TIMEOUT",
    "TIMEOUT_REMOVE",
    "ACCEPT",
    "ASYNC_CANCEL",
    "LINK_TIMEOUT",
    "CONNECT",
    "FALLOCATE",
    "OPENAT",
    "CLOSE",
    "FILES_UPDATE",
    "STATX",
    "READ",
    "WRITE",
    "FADVISE",
    "MADVISE",
    "SEND",
    "RECV",
    "OPENAT2",
    "EPOLL_CTL",
    "SPLICE",
    "PROVIDE_BUFFERS",
    "REMOVE_BUFFERS",
    "TEE",
    "SHUTDOWN",
    "RENAMEAT",
    "UNLINKAT",
    "MKDIRAT",
    "SYMLINKAT",
    "LINKAT",
    "MSG_RING",
    "FSETXATTR",
    "SETXATTR",
    "FGETXATTR",
    "GETXATTR",
    "SOCKET",
    "URING_CMD",
    "SEND_ZC",
    "SENDMSG_ZC",
    "READ_MULTISHOT",
    "WAITID",
    "FUTEX_WAIT",
    "FUTEX_WAKE",
    "FUTEX_WAITV",
    "FIXED_FD_INSTALL",
    "FTRUNCATE",
    "BIND",
    "LISTEN",
    "RECV_ZC",
    "EPOLL_WAIT",
    "READV_FIXED",
    "WRITEV_FIXED",
    "PIPE",
    "NOP128",
    "URING_CMD128",
};

ts_uring_op difference(const ts_uring_op& later, const ts_uring_op& earlier) {
  ts_uring_op between = later;
  for (int route = 0; route < TS_URING_ROUTES; ++route)
    between.completed[route] -= earlier.completed[route];
  between.shots -= earlier.shots;
  between.refused -= earlier.refused;
  between.without_cqe -= earlier.without_cqe;
  between.unseen -= earlier.unseen;
  for (int i = 0; i < TS_WAIT_BUCKETS; ++i) between.latency_hist[i] -= earlier.latency_hist[i];
  return between;
}

UringOp figures_of(uint32_t slot, const ts_uring_op& between) {
  UringOp op;
  op.op = uring_op_name(slot);
  std::copy_n(between.completed, TS_URING_ROUTES, op.by_route.begin());
  op.shots = between.shots;
  op.refused = between.refused;
  op.without_cqe = between.without_cqe;
  const std::span<const uint32_t> latencies(between.latency_hist);
  op.timed = std::accumulate(latencies.begin(), latencies.end(), uint64_t{0});
  op.p50_ns = wait_quantile_ns(latencies, 0.5);
  op.p99_ns = wait_quantile_ns(latencies, 0.99);
  return op;
}

bool is_sqpoll(const ts_thread_row& row, const UringReading& now) {
  return now.sq_threads.count(row.tid) != 0 || std::string_view(row.comm).starts_with("iou-sqp");
}

// Who made a poller, submits by it without a system call that could be seen. The kernel names the
// poller after that thread: "iou-sqp-TID".
std::set<uint32_t> submitters_of(const UringReading& now) {
  constexpr std::string_view kPoller = "iou-sqp-";
  std::set<uint32_t> tids = now.submitters;
  for (const ts_thread_row* row : now.threads) {
    const std::string_view comm(row->comm, strnlen(row->comm, sizeof(row->comm)));
    if (!(row->flags & TS_THREAD_IO_WORKER) || !comm.starts_with(kPoller)) continue;
    uint32_t tid = 0;
    std::from_chars(comm.data() + kPoller.size(), comm.data() + comm.size(), tid);
    tids.insert(tid);
  }
  return tids;
}

}  // namespace

std::string uring_op_name(uint32_t opcode) {
  if (opcode == TS_URING_UNNAMED) return "unnamed";
  if (opcode < std::size(kNames)) return kNames[opcode];
  return "op " + std::to_string(opcode);
}

uint64_t UringOp::count() const {
  return std::accumulate(by_route.begin(), by_route.end(), uint64_t{0});
}

std::optional<uint64_t> UringFigures::completed() const {
  if (!ops) return std::nullopt;
  uint64_t sum = 0;
  for (const UringOp& op : *ops) sum += op.count();
  return sum;
}

std::optional<double> UringFigures::switches_per_op() const {
  const std::optional<uint64_t> done = completed();
  if (!done || *done == 0 || submitters.threads == 0) return std::nullopt;
  const uint64_t all = submitters.switches() + workers.switches() + sqpoll.switches();
  return static_cast<double>(all) / static_cast<double>(*done);
}

UringFigures UringInterval::advance(const UringReading& now) {
  UringFigures figures;
  figures.interval_ns = first_ ? 0 : now.time_ns - time_ns_;
  add_threads(figures, now);
  if (now.has_ops) add_ops(figures, now);
  first_ = false;
  time_ns_ = now.time_ns;
  return figures;
}

// A thread that wasn't there at the reading before has begun since: all of its figures count.
void UringInterval::add_threads(UringFigures& figures, const UringReading& now) {
  std::unordered_map<ThreadKey, Before> seen;
  figures.submitters_known = now.has_ops;
  const std::set<uint32_t> submitters = submitters_of(now);
  for (const ts_thread_row* row : now.threads) {
    const ThreadKey key{row->tid, row->start_ns};
    seen[key] = {row->cpu_ns, row->nvcsw, row->nivcsw};
    const bool is_kernels = row->flags & TS_THREAD_IO_WORKER;
    if (!is_kernels && submitters.count(row->tid) == 0) continue;
    UringThreads& group = !is_kernels            ? figures.submitters
                          : is_sqpoll(*row, now) ? figures.sqpoll
                                                 : figures.workers;
    ++group.threads;
    if (first_) continue;
    const auto before = threads_.find(key);
    const Before start = before == threads_.end() ? Before{0, 0, 0} : before->second;
    group.cpu_ns += row->cpu_ns - start.cpu_ns;
    group.voluntary += row->nvcsw - start.nvcsw;
    group.involuntary += row->nivcsw - start.nivcsw;
  }
  threads_ = std::move(seen);
}

void UringInterval::add_ops(UringFigures& figures, const UringReading& now) {
  figures.ops.emplace();
  figures.overflows = first_ ? 0 : now.overflows - overflows_;
  figures.missed_runs = first_ ? 0 : now.missed_runs - missed_runs_;
  figures.unseen = 0;
  if (now.probe_ops > 0)
    figures.probe_ns_per_op =
        static_cast<double>(now.probe_ns) / static_cast<double>(now.probe_ops);
  for (uint32_t slot = 0; !first_ && slot < now.ops.size(); ++slot) {
    const ts_uring_op between = difference(now.ops[slot], ops_[slot]);
    *figures.unseen += between.unseen;
    UringOp op = figures_of(slot, between);
    if (op.count() > 0) figures.ops->push_back(std::move(op));
  }
  std::stable_sort(figures.ops->begin(), figures.ops->end(),
                   [](const UringOp& a, const UringOp& b) { return a.count() > b.count(); });
  ops_ = now.ops;
  overflows_ = now.overflows;
  missed_runs_ = now.missed_runs;
}

}  // namespace timeslice::model
