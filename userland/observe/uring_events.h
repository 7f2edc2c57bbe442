// SPDX-License-Identifier: MIT
// What has io_uring done for some processes, operation by operation? Probes follow each request
// from its submission to its completion while a UringEvents lives; the kernel sums up.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "bpf/uring.h"

namespace timeslice::observe {

// Whose requests? And is each ring to have figures of its own?
struct UringChoice {
  std::vector<uint32_t> tgids;
  int filter = -1;        // in place of those: a stream's, which knows whom they fork
  bool all = false;       // in place of both: every process
  uint32_t left_out = 0;  // of these, a process that isn't meant; 0: none
  bool by_ring = false;
};

struct UringTotals {
  std::vector<ts_uring_op> ops;  // TS_URING_SLOTS, by opcode
  // Where each ring has its own. A ring that has been closed may stay for a while.
  std::vector<std::pair<uint64_t, ts_uring_ring>> rings;  // by the kernel's name for it
  // What found no room there is of tgid 0.
  std::vector<std::pair<ts_uring_key, ts_uring_op>> ring_ops;
  std::vector<ts_uring_key> forgotten;  // of them, from now on: their rings have been closed
  std::vector<uint32_t> submitters;     // tids that have submitted, or waited for completions
  uint64_t overflows = 0;               // CQEs that found no room in their ring
  uint64_t missed_runs = 0;             // of our probes, because one was running on that CPU
  uint64_t probe_ns = 0;                // time spent in our probes …
  uint64_t probe_ops = 0;               // … during so many completions; 0: not measured
};

class UringEvents {
 public:
  // Attaches. Throws Failure.
  explicit UringEvents(const UringChoice& choice);
  ~UringEvents();
  UringEvents(const UringEvents&) = delete;
  UringEvents& operator=(const UringEvents&) = delete;

  // Since the attachment. Throws Failure.
  UringTotals read();
  // A ring that has been closed. If it is used by another number, it will be found again.
  void forget(uint64_t ring);

 private:
  class Programs;
  std::unique_ptr<Programs> programs_;
};

}  // namespace timeslice::observe
