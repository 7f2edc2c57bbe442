// SPDX-License-Identifier: MIT
// Why is a process slow? What was measured of its loops, its pool and its CPUs over a while becomes
// causes, the costliest first. The same time is never counted for two: a block in which the thread
// waited for a CPU is no block of its function, and one spent on garbage is none either.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/loop_frame.h"
#include "model/peer_waits.h"

namespace timeslice::model {

// How much CPU a process may have.
struct CpuLimits {
  uint32_t cpus = 0;            // that its threads may run on; 0: not known
  std::optional<double> quota;  // CPUs' worth that its cgroups allow; absent: no limit
  // While it was watched: the quota's periods, and those in which it didn't last.
  uint64_t periods = 0, throttled_periods = 0;
};

struct WatchedProcess {
  uint32_t tgid = 0;
  std::string command;
  ProcessDescription description;
  uint64_t watched_ns = 0;
  std::vector<WatchedLoop> loops;
  std::optional<PoolFigures> pool;
  CpuLimits limits;
  std::vector<uint32_t> cluster;   // its cluster's workers; empty: it is in none
  std::vector<PeerFigures> peers;  // over TCP: for whom it waited, and who waited for it
};

struct BlockedLoop {
  uint64_t blocks = 0;
  uint64_t longest_ns = 0, blocked_ns = 0;  // of its own work: without what it waited meanwhile
  bool goes_on = false;                     // the last of them
  std::string phase;
  std::vector<BlockFunction> functions;  // most samples first
};

// No turn is long, but hardly any time is left between them.
struct BusyLoop {
  double utilisation = 0;
  uint64_t longest_turn_ns = 0;
  bool has_blocks = false;  // besides, which are told by themselves
  std::optional<BlockFunction> function;
};

struct StarvedBy {
  Rival rival;          // one of them
  bool is_own = false;  // other threads of its own process
  uint32_t processes = 0;
  double share = 0;  // of the looks at which it waited
};

struct Starved {
  uint64_t waited_ns = 0;
  std::vector<StarvedBy> by;  // most first
  CpuLimits limits;
};

struct TooManyWorkers {
  uint32_t workers = 0;  // loops that compute
  double cpus = 0;
  uint64_t waited_ns = 0;
};

struct PoolFull {
  PoolFigures figures;
};

struct GarbageCollection {
  double ratio = 0;
  std::optional<BlockFunction> function;  // that ran when it was needed
};

struct BlockingCalls {
  uint64_t asleep_ns = 0;
  std::vector<CountedCall> calls;
  std::optional<BlockFunction> function;
};

// Somebody it asks over TCP answers slowly.
struct SlowPeer {
  TcpEnd end;
  Waits waits;
  uint32_t connections = 0;
  double share = 0;  // of the time, that at least one wait for it went on
  [[nodiscard]] uint64_t mean_ns() const {
    return waits.finished ? waits.total_ns / waits.finished : 0;
  }
};

struct SlowIo {
  std::vector<SlowPeer> peers;  // costliest first
  PoolWork pool;                // what jobs of the pool sleep in
  double pool_busy = 0;         // threads, on average; 0: it isn't the pool
};

struct Idle {
  double utilisation = 0;
  uint64_t longest_turn_ns = 0, delay_p99_ns = 0;
  uint64_t loops = 0;
};

// In the order of the words of causes_of() and of JSON's `cause`.
using Finding = std::variant<BlockedLoop, BusyLoop, Starved, TooManyWorkers, PoolFull,
                             GarbageCollection, BlockingCalls, SlowIo, Idle>;

struct Cause {
  double share = 0;       // of the time, that it cost
  double confidence = 0;  // 0 to 1: that this is what costs it
  uint32_t tid = 0;       // of the loop; 0: it isn't one loop's
  bool is_main = true;
  Finding finding;
};

// The word for it: "blocked_loop", "busy_loop", "starved", "too_many_workers", "pool_full", "gc",
// "blocking_calls", "slow_io", "idle".
[[nodiscard]] const char* cause_word(const Finding& finding);

// The costliest first; empty where nothing could be watched.
[[nodiscard]] std::vector<Cause> causes_of(const WatchedProcess& process, uint64_t block_ns);

}  // namespace timeslice::model
