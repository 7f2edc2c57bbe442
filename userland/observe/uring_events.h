// SPDX-License-Identifier: MIT
// What has io_uring done for some processes, operation by operation? Probes follow each request
// from its submission to its completion while a UringEvents lives; the kernel sums up.
#pragma once
#include <memory>
#include <vector>

#include "bpf/uring.h"

namespace timeslice::observe {

struct UringTotals {
  std::vector<ts_uring_op> ops;      // TS_URING_SLOTS, by opcode
  std::vector<uint32_t> submitters;  // tids that have submitted, or waited for completions
  uint64_t overflows = 0;            // CQEs that found no room in their ring
  uint64_t missed_runs = 0;          // of our probes, because one was running on that CPU
  uint64_t probe_ns = 0;             // time spent in our probes …
  uint64_t probe_ops = 0;            // … during so many completions; 0: not measured
};

class UringEvents {
 public:
  // Attaches. Throws Failure.
  explicit UringEvents(const std::vector<uint32_t>& tgids);
  ~UringEvents();
  UringEvents(const UringEvents&) = delete;
  UringEvents& operator=(const UringEvents&) = delete;

  // Since the attachment. Throws Failure.
  UringTotals read();

 private:
  class Programs;
  std::unique_ptr<Programs> programs_;
};

}  // namespace timeslice::observe
