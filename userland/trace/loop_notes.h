// SPDX-License-Identifier: MIT
// What does a recording say of event loops, as a recorder that watches them has seen them? Who they
// are, their figures from one moment to another, and their blocks; and the same of thread pools. A
// loop is told by its thread.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::trace {

struct LoopNote {
  uint32_t tgid = 0, tid = 0;
  bool is_main = false;  // of the process's first thread
  std::string command;   // any bytes
  bool operator==(const LoopNote&) const = default;
};

// A process that has loops.
struct LoopProcessNote {
  uint32_t tgid = 0;
  uint32_t cluster = 0;         // 1: a cluster's primary, 2: a worker of one
  std::vector<uint64_t> ports;  // that it listens on, or that its primary does; ascending
  uint64_t up_since_ns = 0;     // may be before the machine's start, wrapped around
  bool operator==(const LoopProcessNote&) const = default;
};

// Times are sums over the stretch; what they mean is in docs/method.md.
struct LoopStretchNote {
  uint32_t tgid = 0, tid = 0;
  uint64_t begin_ns = 0, end_ns = 0;
  uint32_t looks = 0;
  uint64_t longest_gap_ns = 0;  // between two of them
  bool counts_turns = false;
  uint64_t turns = 0;
  uint64_t oncpu_ns = 0, wait_ns = 0, asleep_ns = 0;  // within turns
  uint64_t idle_asleep_ns = 0, idle_ready_ns = 0;     // between them
  uint64_t longest_turn_ns = 0;
  uint32_t vm_looks = 0;  // that know what V8 did; of those, within turns:
  uint32_t garbage_collector = 0, javascript = 0, compiler = 0, native = 0;
  std::vector<uint64_t> delays_ns;  // ascending
};

struct FrameNote {
  std::string function, file;  // any bytes
  uint32_t line = 0, column = 0;
  bool exact = false, evaluated = false;
};

struct LoopFunctionNote {
  FrameNote frame;
  uint32_t samples = 0;
  std::vector<FrameNote> stack;  // the innermost first
};

struct LoopBlockNote {
  uint32_t tgid = 0, tid = 0;
  uint64_t start_ns = 0, duration_ns = 0;
  uint64_t oncpu_ns = 0, wait_ns = 0;  // the rest of it was asleep
  bool ended = false;
  uint32_t samples = 0, dropped = 0, named = 0;
  uint32_t garbage_collector = 0, javascript = 0, compiler = 0, native = 0;  // of the samples
  std::string phase;
  std::vector<LoopFunctionNote> functions;  // most samples first
};

struct PoolStretchNote {
  uint32_t tgid = 0;
  uint64_t begin_ns = 0, end_ns = 0;
  uint32_t looks = 0, saturated_looks = 0, full_looks = 0;
  uint32_t threads = 0;
  double busy = 0;
  bool counts_queue = false;
  uint32_t queued = 0, slow = 0, most_queued = 0;
  uint32_t waits = 0;  // that ended, and their sum
  uint64_t wait_ns = 0, longest_wait_ns = 0;
};

// Why loops of a process, or the names of its functions, are missing.
struct LoopTroubleNote {
  uint32_t tgid = 0;
  bool names_only = false;
  std::string why;
};

// All of a recording's, each kind in the order in which it was written.
struct LoopNotes {
  std::vector<LoopNote> loops;
  std::vector<LoopProcessNote> processes;
  std::vector<LoopStretchNote> stretches;
  std::vector<LoopBlockNote> blocks;
  std::vector<PoolStretchNote> pools;
  std::vector<LoopTroubleNote> troubles;
};

}  // namespace timeslice::trace
