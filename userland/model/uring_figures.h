// SPDX-License-Identifier: MIT
// What do two readings of io_uring's totals, and of the threads' figures, say of the time between
// them? Operations by route, their latency, and how many context switches each has cost.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "bpf/uring.h"
#include "model/uring_threads.h"

namespace timeslice::model {

struct UringOp {
  std::string op;  // as the kernel names it; "unnamed": completions whose request isn't known
  std::array<uint64_t, TS_URING_ROUTES> by_route{};  // CQEs, by enum ts_uring_route
  uint64_t shots = 0;        // of those: from multishot requests that went on
  uint64_t refused = 0;      // of those: SQEs that the kernel didn't take
  uint64_t without_cqe = 0;  // of those: asked for no CQE
  uint64_t timed = 0;        // requests in the percentiles
  std::optional<uint64_t> p50_ns, p99_ns;

  [[nodiscard]] uint64_t count() const;
};

// Of totals, or what lies between two.
UringOp uring_op(uint32_t slot, const ts_uring_op& between);

// One ring, as it was at the end.
struct UringRing {
  uint32_t tgid = 0;
  int fd = -1;
  std::optional<uint32_t> sq_entries, sq_waiting, cq_entries, cq_unread;
  std::optional<int32_t> sq_thread, sq_thread_cpu;
  std::optional<double> sq_work_ratio;  // of SQPOLL's CPU time: for requests, not in vain
  std::optional<uint32_t> files, buffers, polls, overflow;
  // Where each ring's own are known.
  std::optional<uint64_t> in_flight;
  std::optional<std::vector<UringOp>> ops;  // the most frequent first
};

struct UringProcess {
  uint32_t tgid = 0;
  std::string command;
  std::string refused;  // a clause: why its rings can't be seen; empty if they can
  bool cut = false;     // it has too many descriptors to find all of its rings
};

struct UringFigures {
  uint64_t interval_ns = 0;
  std::optional<std::vector<UringOp>> ops;  // the most frequent first; absent without probes
  UringThreads submitters, workers, sqpoll;
  bool submitters_known = false;
  bool some_ended = false;  // of them, whose last switches aren't in it
  std::optional<uint64_t> overflows, unseen, missed_runs;  // absent without probes
  std::optional<double> probe_ns_per_op;

  [[nodiscard]] std::optional<uint64_t> completed() const;
  // Absent without probes, where nothing was completed, or where whoever submitted has ended.
  [[nodiscard]] std::optional<double> switches_per_op() const;
};

// Totals at one moment.
struct UringReading {
  uint64_t time_ns = 0;
  bool has_ops = false;
  std::vector<ts_uring_op> ops;  // by opcode, TS_URING_SLOTS
  std::set<uint32_t> submitters;
  std::set<uint32_t> sq_threads;  // as the rings name them
  uint64_t overflows = 0, missed_runs = 0, probe_ns = 0, probe_ops = 0;
  std::vector<const ts_thread_row*> threads;  // of the watched processes; for the call only
};

// "READ"; "op 99" of one that is newer than this program.
std::string uring_op_name(uint32_t opcode);

class UringInterval {
 public:
  // What happened since the reading before; of the first one, nothing.
  UringFigures advance(const UringReading& now);

 private:
  void add_ops(UringFigures& figures, const UringReading& now);

  bool first_ = true;
  uint64_t time_ns_ = 0;
  std::vector<ts_uring_op> ops_;
  uint64_t overflows_ = 0, missed_runs_ = 0;
  UringThreadsInterval threads_;
};

}  // namespace timeslice::model
