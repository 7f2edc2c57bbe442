// SPDX-License-Identifier: MIT
// What do a process's event loops tell of themselves, if they are ours (base/published_loop.h)? The
// process may have written anything there: a loop is believed to be one where its place leads back
// to itself, and its figures are taken as figures only.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "base/published_loop.h"

namespace timeslice::runtime {

struct PublishedTable {
  uint32_t used = 0;  // places to look at
  bool is_cluster_worker = false;
};

// `why`: a clause; empty as well where the process has had no loop yet.
struct PublishedTableAnswer {
  std::optional<PublishedTable> table;
  std::string why;
};

// Of a loop that has begun a turn, and runs.
struct PublishedLoopState {
  uint64_t address = 0, serial = 0;       // its identity
  uint64_t thread_pointer = 0;            // of its thread
  uint32_t tid = 0;                       // in the process's own PID namespace
  uint64_t turns = 0;                     // since it began
  uint64_t entry_ns = 0;                  // CLOCK_MONOTONIC, since when it waits; 0: it doesn't
  uint64_t idle_ns = 0;                   // waited before that
  uint64_t time_ns = 0;                   // when it last looked at CLOCK_MONOTONIC
  uint64_t phase_name = 0, callback = 0;  // addresses of names
};

struct PublishedPool {
  uint32_t threads = 0, idle = 0, queued = 0, slow = 0;
};

// `address`: of the symbol.
PublishedTableAnswer read_published_table(MemoryReader& memory, uint64_t address);
// Of all its places, in one read.
std::vector<PublishedLoopState> read_published_loops(MemoryReader& memory, uint64_t address,
                                                     const PublishedTable& table);
// `address`, `serial`: the loop's. Absent where another one is there, or it doesn't run any more.
std::optional<PublishedLoopState> read_published_loop(MemoryReader& memory, uint64_t address,
                                                      uint64_t serial);
// Of such a loop. Absent where that isn't what a pool has: more idle threads than there are.
std::optional<PublishedPool> read_published_pool(MemoryReader& memory, uint64_t address);

// In which phase it is; empty where that isn't a name.
std::string published_phase(MemoryReader& memory, const PublishedLoopState& loop);
// Whose callback it has called last, where it is in a phase that calls some; empty: none.
std::string published_callback(MemoryReader& memory, const PublishedLoopState& loop);

}  // namespace timeslice::runtime
