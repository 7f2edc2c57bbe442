// SPDX-License-Identifier: MIT
#include "observe/core_states.h"

#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "base/clock.h"
#include "base/failure.h"

namespace timeslice::observe {

// As struct core_state in bpf/sched.bpf.c.
struct CoreStates::State {
  uint64_t busy_ns;
  uint64_t idle_ns;
  uint64_t last_ns;
  uint64_t switches;
  uint64_t unseeded;
  uint64_t pad[3];
};

namespace {

size_t mapped_bytes(size_t count, size_t each) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (count * each + page - 1) / page * page;
}

}  // namespace

CoreStates::CoreStates(const bpf_map* map) : count_(bpf_map__max_entries(map)) {
  static_assert(sizeof(State) == 64);
  void* memory = mmap(nullptr, mapped_bytes(count_, sizeof(State)), PROT_READ, MAP_SHARED,
                      bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) throw failure_from_errno("cannot map the per-CPU counters", errno);
  states_ = static_cast<const volatile State*>(memory);
}

CoreStates::~CoreStates() {
  munmap(const_cast<State*>(states_), mapped_bytes(count_, sizeof(State)));
}

// The core may switch while we read: then last_ns has moved, and we read again.
CoreStates::State CoreStates::consistent(uint32_t cpu) const {
  const volatile State& live = states_[cpu];
  State copy{};
  do {
    copy.last_ns = live.last_ns;
    copy.busy_ns = live.busy_ns;
    copy.idle_ns = live.idle_ns;
    copy.unseeded = live.unseeded;
  } while (copy.last_ns != live.last_ns);
  return copy;
}

uint64_t CoreStates::add_to(std::vector<ts_core_row>& cores) const {
  uint64_t unseeded = 0;
  for (ts_core_row& row : cores) {
    if (row.cpu >= count_) continue;
    const State state = consistent(row.cpu);
    unseeded += state.unseeded;
    const uint64_t now = monotonic_ns();
    // Before its first switch nobody knows what the core did: that time counts as neither.
    const uint64_t going_on = state.last_ns != 0 && now > state.last_ns ? now - state.last_ns : 0;
    const bool idle_now = row.queue_len == 0;
    row.busy_ns = state.busy_ns + (idle_now ? 0 : going_on);
    row.idle_ns = state.idle_ns + (idle_now ? going_on : 0);
    row.record.have |= TS_HAVE_CORE_BUSY;
  }
  return unseeded;
}

}  // namespace timeslice::observe
