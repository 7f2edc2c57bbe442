// SPDX-License-Identifier: MIT
// What is in a recording? Who was there when it began and when it ended, as rows of bpf/wire.h;
// what happened in between, as its events in the order of time; and how far all that can be
// trusted. The writer takes these, the reader gives them back to a Visitor.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "trace/loop_notes.h"
#include "trace/uring_notes.h"

namespace timeslice::trace {

// All times are CLOCK_MONOTONIC, which stands still while the machine is suspended.
struct Header {
  uint32_t version = 0;                  // of our messages; 0: another recorder's
  uint64_t begin_ns = 0;                 // no event is older
  uint64_t boot_offset_ns = 0;           // CLOCK_BOOTTIME less CLOCK_MONOTONIC at the beginning
  uint64_t realtime_ns = 0;              // CLOCK_REALTIME at begin_ns; 0: not known
  std::string system, release, machine;  // as uname has them; empty: not known
  uint32_t cores = 0;                    // that the machine may have
  std::vector<uint32_t> online;          // those that it had, by number; empty: not told
  std::vector<uint32_t> idle;            // of them, that were idle at begin_ns
  bool filtered = false;                 // `tgids` and what they forked; else the whole machine
  std::vector<uint32_t> tgids;
  std::string asked;                   // what the user asked for: "process 12", "./server --port 1"
  uint32_t recorder_tgid = 0;          // 0: not known
  uint64_t loop_block_ns = 0;          // turns from which on are blocks; 0: loops aren't in it
  bool rings = false;                  // io_uring's are in it, if there were any
  uint64_t most_threads = UINT64_MAX;  // that a file of its size can tell of
  std::string recorder;                // which program wrote it: "timeslice", "perfetto"
  [[nodiscard]] bool ours() const { return recorder == "timeslice"; }
};

struct RoleNote {
  uint32_t tid = 0;
  uint64_t start_ns = 0;
  std::string name, evidence;
  double confidence = 0;
};

// What runs in a process: "node" …; the last one told is the one that it ran last.
struct RuntimeNote {
  uint32_t tgid = 0;
  uint64_t start_ns = 0;  // of its first thread; CLOCK_BOOTTIME
  std::string runtime;
};

// Written last; a recorder that was killed leaves none.
struct Closing {
  uint64_t end_ns = 0;           // no event is younger
  std::vector<uint64_t> lost;    // records by core that found no room in its ring
  uint64_t filter_failures = 0;  // processes that could not be followed
  uint64_t suspended_ns = 0;     // that the machine slept meanwhile
  uint64_t recorder_cpu_ns = 0;  // our own CPU time
  std::string ended_by;          // "the command ended", "its size"; empty: as asked
};

enum class Moment { opening, closing };

class Visitor {
 public:
  virtual ~Visitor() = default;
  // These come before all events, the header first.
  virtual void header(const Header& header) = 0;
  virtual void row(Moment moment, const ts_thread_row& row) = 0;
  virtual void role(const RoleNote& role) = 0;
  virtual void runtime(const RuntimeNote& note) { (void)note; }
  virtual void loops(const LoopNotes& notes) { (void)notes; }
  virtual void rings(const UringNotes& notes) { (void)notes; }
  virtual void closing(const Closing& closing) = 0;
  // In the order of time. The record lives only during the call.
  virtual void event(const ts_event& event) = 0;
};

}  // namespace timeslice::trace
