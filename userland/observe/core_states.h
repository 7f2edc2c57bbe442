// SPDX-License-Identifier: MIT
// How long was each core busy, and how often did it switch? The switch probe of bpf/sched.bpf.c
// counts it per core in memory that we map; nothing is copied and no system call is made.
#pragma once
#include <cstdint>
#include <vector>

#include "bpf/wire.h"
#include "observe/mapped_array.h"

namespace timeslice::observe {

class CoreStates {
 public:
  explicit CoreStates(const bpf_map* map) : states_(map) {}  // throws Failure if it can't be mapped

  // Adds busy and idle time up to now to the rows of `cores`; they begin at a core's first
  // switch since the probes came. Returns the switches of threads that had no storage.
  uint64_t add_to(std::vector<ts_core_row>& cores) const;

 private:
  // As struct core_state in bpf/sched.bpf.c.
  struct State {
    uint64_t busy_ns;
    uint64_t idle_ns;
    uint64_t last_ns;
    uint64_t switches;
    uint64_t unseeded;
    uint64_t pad[3];
  };
  static_assert(sizeof(State) == 64);

  [[nodiscard]] State consistent(uint32_t cpu) const;

  MappedArray<volatile State> states_;
};

}  // namespace timeslice::observe
