// SPDX-License-Identifier: MIT
// What do our probes cost? The kernel times each run of a BPF program while somebody asks it to.
#pragma once
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

struct bpf_program;

namespace timeslice::observe {

// Times programs from its construction on, for a few thousand switches. The timing itself costs two
// clock reads a run, for every BPF program of the machine, so it is kept short.
class ProbeCost {
 public:
  // `switch_program`: whose runs count as switches; `others`: whose time is added.
  ProbeCost(const bpf_program* switch_program, std::vector<const bpf_program*> others);

  // Takes the figures so far, and ends the timing once they rest on enough switches or passes.
  void advance();
  [[nodiscard]] uint64_t run_ns() const { return run_ns_; }
  [[nodiscard]] uint64_t switches() const { return switches_; }  // 0: could not be timed

 private:
  const bpf_program* switch_program_;
  std::vector<const bpf_program*> others_;
  UniqueFd stats_;
  uint64_t run_ns_ = 0;
  uint64_t switches_ = 0;
  int passes_ = 0;
};

}  // namespace timeslice::observe
