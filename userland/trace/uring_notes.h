// SPDX-License-Identifier: MIT
// What does a recording say of io_uring, as a recorder that follows its requests has seen it? Which
// rings there were and how full, what each has done from one moment to another, and what the
// threads behind it have taken. A ring is told by its process and descriptor.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace timeslice::trace {

// A ring as it was at a moment. What the kernel didn't say is absent.
struct RingNote {
  uint32_t tgid = 0;
  int32_t fd = -1;  // -1: of a process's rings whose descriptor isn't known
  uint64_t time_ns = 0;
  std::string command;  // its process's name; any bytes
  std::optional<uint32_t> sq_entries, sq_waiting, cq_entries, cq_unread;
  std::optional<uint32_t> sq_thread, sq_thread_cpu;
  std::optional<double> sq_work_ratio;
  std::optional<uint32_t> files, buffers, polls, overflow;
  bool operator==(const RingNote&) const = default;
};

// What was done of one opcode; as struct ts_uring_op has it.
struct RingOpNote {
  uint32_t slot = 0;  // the opcode; TS_URING_UNNAMED: of none that is known
  uint64_t in_line = 0, async_callback = 0, poll = 0, io_wq = 0;
  uint64_t shots = 0, refused = 0, submitted = 0, without_cqe = 0, unseen = 0;
  uint64_t latency_sum_ns = 0;
  std::vector<uint32_t> latency_buckets, latency_counts;  // of each bucket that isn't empty
  bool operator==(const RingOpNote&) const = default;
};

struct RingStretchNote {
  uint32_t tgid = 0;
  int32_t fd = -1;
  uint64_t begin_ns = 0, end_ns = 0;
  uint64_t in_flight = 0;  // at its end
  std::vector<RingOpNote> ops;
  bool operator==(const RingStretchNote&) const = default;
};

// Of a process's threads: those that submit or wait, its io-wq workers, and its SQPOLL threads.
struct RingThreadsNote {
  uint32_t tgid = 0;
  uint64_t begin_ns = 0, end_ns = 0;
  uint32_t submitters = 0, workers = 0, sqpoll = 0;  // there at its end
  uint64_t submitters_cpu_ns = 0, workers_cpu_ns = 0, sqpoll_cpu_ns = 0;
  uint64_t submitters_nvcsw = 0, workers_nvcsw = 0, sqpoll_nvcsw = 0;
  uint64_t submitters_nivcsw = 0, workers_nivcsw = 0, sqpoll_nivcsw = 0;
  bool operator==(const RingThreadsNote&) const = default;
};

// How well it was seen, from one moment to another.
struct RingTrustNote {
  uint64_t begin_ns = 0, end_ns = 0;
  uint64_t overflows = 0, missed_runs = 0;
  uint64_t probe_ns = 0, probe_ops = 0;  // time within our probes, and for so many CQEs
  bool operator==(const RingTrustNote&) const = default;
};

// All of a recording's, each kind in the order in which it was written.
struct UringNotes {
  std::vector<RingNote> rings;
  std::vector<RingStretchNote> stretches;
  std::vector<RingThreadsNote> threads;
  std::vector<RingTrustNote> trust;
  std::vector<std::string> troubles;  // why there is nothing, or not all
};

}  // namespace timeslice::trace
