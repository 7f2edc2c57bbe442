// SPDX-License-Identifier: MIT
// What is there to show at one refresh? A Frame: cores, processes and threads with their rates over
// the interval since the refresh before, and how far these can be trusted. The Tracker fills it,
// the views read it. A figure that could not be measured is absent, and never 0.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/snapshot.h"
#include "model/loop_frame.h"

namespace timeslice::model {

using Figure = std::optional<double>;

// What a thread is for, and how we know.
struct Role {
  std::string name = "thread";  // the words of the command line's contract; "thread": not known
  std::string evidence;         // "futex: libuv cond", "epoll on the loop's descriptor" …
  double confidence = 0;        // 0 to 1
};

// The peer that preempted or woke a thread most often since the probes came.
struct TopPeer {
  std::string name;  // the thread's comm; "softirq" or "hardirq" where it wasn't a thread
  uint32_t tid = 0;  // 0: not a thread, or not visible in our PID namespace
  uint32_t context = TS_CONTEXT_UNKNOWN;
  double share = 0;    // of all preemptions or wake-ups, at least; 0 to 1
  uint64_t count = 0;  // at least
};

// What only aggregate mode knows of a thread.
struct SchedFigures {
  Figure wait_p99_us;      // over the interval; at most 25 % above the truth
  Figure wait_max_us;      // since the probes came
  double seconds = 0;      // since the probes came
  uint64_t voluntary = 0;  // counted by our probes since they came, as the four below
  uint64_t involuntary = 0;
  uint64_t missed = 0;        // switches that the kernel counted and our probes didn't see
  uint64_t missed_waits = 0;  // the same of waits
  uint64_t waits = 0;
  uint64_t wait_sum_ns = 0;
  std::array<uint64_t, TS_CONTEXTS> wakeups{};  // by context
  std::optional<TopPeer> top_preemptor, last_preemptor, top_waker, last_waker;
  std::vector<TopPeer> preemptors, wakers;            // most frequent first
  std::array<uint32_t, TS_WAIT_BUCKETS> wait_hist{};  // since the probes came; bpf/wire.h's buckets
};

struct Process;

struct Thread {
  ts_thread_row row{};  // as last read: ids, totals, state; see row.record.have
  Process* process = nullptr;
  Role role;
  // Over the interval; absent at a thread's first refresh.
  Figure cpu_pct;        // of one core
  Figure nvcsw_per_s;    // voluntary switches
  Figure nivcsw_per_s;   // involuntary switches
  Figure wait_ms_per_s;  // on the run queue, the wait that still goes on included
  Figure migrations_per_s;
  const SchedFigures* sched = nullptr;  // null: not known of this thread, or in this mode
  const WatchedLoop* loop = nullptr;    // its event loop over the interval; null: none is known
  std::string sleeps_in;  // "epoll_wait", "futex: libuv cond"; empty: it runs, or nothing is known
  uint64_t changed_at = 0;  // number of the refresh that last changed anything here
  bool began = false;       // since the refresh before
  bool ended = false;  // since the refresh before: shown once more, with its totals as last seen

  [[nodiscard]] bool has(uint32_t group) const { return (row.record.have & group) != 0; }
};

struct Process {
  uint32_t tgid = 0;
  std::string comm;                    // of its first thread
  std::string runtime;                 // "node", "bun", "deno", "timeslice"; empty: unknown
  bool kernel = false;                 // kernel threads, each a "process" of its own
  std::vector<const Thread*> threads;  // those that ended come first
  uint32_t thread_count = 0;           // without those that ended
  // Sums over its threads. CPU time and switches hold what threads did that have ended, as far as
  // the source has it; no kernel sums up the waits and migrations of those.
  Figure cpu_pct, nvcsw_per_s, nivcsw_per_s, wait_ms_per_s, migrations_per_s;
  std::optional<uint64_t> nvcsw, nivcsw;
  // In these sums, and in no row: what threads did over the interval that ended within it.
  Figure ended_cpu_pct, ended_nvcsw_per_s, ended_nivcsw_per_s;
  const WatchedLoop* loop = nullptr;  // the busiest of its threads'; null: none is known
  const WatchedPool* pool = nullptr;  // libuv's thread pool; null: none is known
  bool ended = false;

  [[nodiscard]] bool ended_did_something() const {
    return ended_cpu_pct.value_or(0) > 0 || ended_nvcsw_per_s.value_or(0) > 0 ||
           ended_nivcsw_per_s.value_or(0) > 0;
  }
  // Has it one thread only, whose figures are the process's?
  [[nodiscard]] bool is_one_thread() const { return threads.size() == 1 && !ended_did_something(); }
};

struct Core {
  uint32_t cpu = 0;
  Figure busy_ratio;  // 0 to 1
  Figure switches_per_s;
  std::optional<uint32_t> queue_len;  // runnable threads, the running one included
};

struct Trust {
  uint64_t lost_records = 0;
  uint64_t storage_failures = 0;
  uint64_t unseeded_threads = 0;  // without storage: their aggregate figures are absent
  uint64_t missed_switches = 0;   // counted by the kernel, not seen by our probes
  uint64_t censored_waits = 0;    // waits that still went on when the interval ended
  Figure self_cpu_pct;            // our own process, of one core
  Figure probe_ns_per_switch;     // absent: no probe is attached, or it could not be timed
};

struct Frame {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC; of a recording, its machine's
  Figure interval_s;     // absent at the first refresh: then there are no rates either
  std::string source;    // "bpf", "kmod", "proc", "recording"
  Mode mode = Mode::count;
  bool has_loops = false;                 // of at least one thread
  uint32_t have = 0;                      // groups (enum ts_have) that at least one row brought
  std::vector<Core> cores;                // by number
  std::vector<const Process*> processes;  // by tgid
  std::vector<const Thread*> threads;     // of these processes, in their order
  uint32_t thread_count = 0;              // without those that ended
  Figure began_per_s, ended_per_s;        // all threads of the machine; aggregate mode only
  Trust trust;
};

}  // namespace timeslice::model
