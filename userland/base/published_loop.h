// SPDX-License-Identifier: MIT
// What does an event loop of ours tell whoever looks at its process from outside? A few words of
// its own, in a table that its program exports as `timeslice_loops`. Whoever may read the memory
// finds it by the loader's table of symbols: nothing is attached, asked or stopped for it.
//
// The loop writes them in any case, so they cost it a few plain stores a turn. Who reads them
// believes nothing of them (runtime/published_loops.h).
#pragma once
#include <cstddef>
#include <cstdint>

namespace timeslice {

inline constexpr char kPublishedLoopsSymbol[] = "timeslice_loops";
inline constexpr uint64_t kPublishedLoopsMagic = 0x73706f6f4c735421;  // "!TsLoops"
// Of this layout; any change of it makes another one.
inline constexpr uint32_t kPublishedLoopsVersion = 1;
inline constexpr uint32_t kMostPublishedLoops = 256;

// Names are addresses of texts in the process, ended by a zero; 0: none.
struct alignas(64) PublishedLoop {
  // Written by the loop's thread.
  uint64_t turns;     // until its last wait for events, the one that goes on included
  uint64_t entry_ns;  // CLOCK_MONOTONIC, since when it waits for events; 0: it doesn't
  uint64_t idle_ns;   // waited before that, in all
  uint64_t time_ns;   // CLOCK_MONOTONIC, when it last looked at the clock
  uint64_t phase;     // in which it is, a name; 0: it doesn't run
  uint64_t callback;  // of which operation "pending" or "poll" has called last, a name; 0: of none
  uint64_t unused[2];

  // Once for each loop, `self` last.
  uint64_t self;            // its own address; 0: no loop is here
  uint64_t serial;          // another one for each loop of the process
  uint64_t thread_pointer;  // of its thread: the base of fs
  uint32_t tid;             // as the process's PID namespace has it
  // Of its thread pool, written by whoever changes it.
  uint32_t pool_threads;  // started; 0: nothing has needed one yet
  uint32_t pool_idle;     // of them
  uint32_t pool_queued;   // jobs that wait for a thread
  uint32_t pool_slow;     // and those that only half of the threads may take
  uint32_t unused_pool[3];
};
static_assert(sizeof(PublishedLoop) == 128 && offsetof(PublishedLoop, self) == 64);

struct alignas(64) PublishedLoops {
  uint64_t magic;     // 0: the process has had no loop yet
  uint32_t version;   // kPublishedLoopsVersion
  uint32_t size;      // of one loop, bytes
  uint32_t used;      // no place from this one on has ever had a loop; kMostPublishedLoops at most
  uint32_t unlisted;  // loops that have found no place
  uint32_t is_cluster_worker;  // 1: of its parent, which is the cluster's manager
  PublishedLoop loops[kMostPublishedLoops];
};
static_assert(offsetof(PublishedLoops, loops) == 64);

}  // namespace timeslice
