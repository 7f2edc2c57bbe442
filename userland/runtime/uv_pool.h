// SPDX-License-Identifier: MIT
// How full is libuv's thread pool, and of what? Its queues are walked in the process's memory while
// they move: a walk whose links don't agree is repeated, and given up after a few times.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_reader.h"

namespace timeslice::runtime {

// Addresses in the process of static objects in libuv's threadpool.c.
struct UvPoolPlaces {
  uint64_t threads = 0;       // how many there are; 0 before the first job
  uint64_t idle_threads = 0;  // of them, waiting for a job
  uint64_t queue = 0;         // the ring of jobs
  // Jobs that may take half of the pool at most (name look-ups) have a ring of their own, and a
  // node in the other one while there are any. 0: not known.
  uint64_t slow_queue = 0, slow_node = 0;
  uint64_t workers = 0;    // a pointer to the threads, as pthread_self() has them; 0: not known
  uint64_t condition = 0;  // that those wait on which have no job; 0: not known
};

struct UvJob {
  // "fs.open", "getaddrinfo", "getnameinfo", "random", "work"; "other" where it is none of these.
  std::string kind;
  // A file system job's path, a look-up's host, the name that Node has given to its work ("zlib",
  // "crypto"); as it is in the process's memory, which may be anything. Empty: none.
  std::string what;
};

struct UvPoolCounts {
  uint32_t threads = 0, idle = 0;
  // Jobs that wait in each queue; absent where it kept moving while it was walked, or was longer
  // than kMostJobs.
  std::optional<uint32_t> queued, slow;
  // Those that wait, by address: of each queue first come first, those of the slow queue last.
  std::vector<uint64_t> waiting;
};

constexpr uint32_t kMostJobs = 4096;

// Absent where that can't be read, or isn't what a pool has: more idle threads than there are.
std::optional<UvPoolCounts> read_uv_pool(MemoryReader& memory, const UvPoolPlaces& places);

// The threads, as the bases of their %fs. Empty: not known, or there are none.
std::vector<uint64_t> read_uv_workers(MemoryReader& memory, const UvPoolPlaces& places,
                                      uint32_t threads);

struct UvJobs {
  uint32_t queued = 0, slow = 0;  // in each queue
  std::vector<UvJob> jobs;        // first come first, those of the slow queue last
};

// What waits: both numbers, and of each queue `most` jobs at most. Absent where a queue kept
// moving, or was longer than kMostJobs.
std::optional<UvJobs> read_uv_jobs(MemoryReader& memory, const UvPoolPlaces& places, size_t most);

}  // namespace timeslice::runtime
