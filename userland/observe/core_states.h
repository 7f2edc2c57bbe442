// SPDX-License-Identifier: MIT
// How long was each core busy, and how often did it switch? The switch probe of bpf/sched.bpf.c
// counts it per core in memory that we map; nothing is copied and no system call is made.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/wire.h"

struct bpf_map;

namespace timeslice::observe {

class CoreStates {
 public:
  explicit CoreStates(const bpf_map* map);  // throws Failure where it can't be mapped
  ~CoreStates();
  CoreStates(const CoreStates&) = delete;
  CoreStates& operator=(const CoreStates&) = delete;

  // Adds busy and idle time up to now to the rows of `cores`; they begin at a core's first
  // switch since the probes came. Returns the switches of threads that had no storage.
  uint64_t add_to(std::vector<ts_core_row>& cores) const;

 private:
  struct State;
  [[nodiscard]] State consistent(uint32_t cpu) const;
  const volatile State* states_ = nullptr;
  size_t count_;
};

}  // namespace timeslice::observe
