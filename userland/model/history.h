// SPDX-License-Identifier: MIT
// What did each thread do at each moment of a recording? The History takes the records of bpf/wire.h
// in the order of time, and splits every thread's life into running on a core, ready but waiting for
// one, and off (asleep, stopped, waiting for a disk). The three and `unseen` add up to the window, to
// the nanosecond, whatever was lost.
//
// What it learns it hands to listeners as it goes, slice by slice, and keeps sums only: its memory
// follows the number of threads, never the length of the recording. It makes no system call.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/wire.h"
#include "model/frame.h"

namespace timeslice::model {

constexpr uint32_t kNobody = 0xffffffffU;  // no thread, or one that isn't known

// How did a thread that waited for a core come to be ready?
enum class Because : uint8_t {
  unknown,    // it was ready when the recording began, or the record of it was lost
  woken,      // by `peer`, if in task context
  created,    // by `peer`
  preempted,  // `peer` took its core (or it yielded): it was never asleep
};

// A thread has a core, and how it came to get it.
struct Slice {
  uint32_t thread = kNobody;  // index into History::threads()
  uint16_t cpu = 0;
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC
  // The wait that ended with this slice; within the window, and never longer than the thread was off
  // the core. 0: it didn't wait, or that isn't known.
  uint64_t wait_ns = 0;
  uint64_t waking_ns = 0;  // the moment of the wake-up; 0: wasn't woken, or not seen
  uint32_t peer = kNobody;
  Because because = Because::unknown;
  uint8_t context = TS_CONTEXT_UNKNOWN;  // of the wake-up
  uint16_t leaving = 0;                  // enum ts_leaving: why it ends
  bool voluntary = false;                // as the kernel counts it
  bool begin_cut = false;  // ran already when the window began, or where records were lost
  bool end_cut = false;    // ran on when the window ended, or where records were lost
};

// One pair of threads and what the one did to the other.
struct Pair {
  uint32_t peer = kNobody;  // preemptor or waker
  uint8_t context = TS_CONTEXT_TASK;
  uint64_t count = 0;
  uint64_t wait_ns = 0;  // that the thread then waited for a core
};

enum class Off : uint8_t { sleep, disk, stopped, idle, other };  // `disk`: uninterruptible sleep
constexpr size_t kOffReasons = 5;
const char* off_name(Off reason);  // "sleep", "uninterruptible" …

struct HistoryThread {
  uint32_t tid = 0, tgid = 0, ppid = 0;
  uint64_t start_ns = 0;  // CLOCK_BOOTTIME; 0: not known
  std::string comm;       // the last one
  uint32_t flags = 0;     // enum ts_thread_flags
  int prio = 120;         // as the kernel has it
  Role role;
  bool born = false;   // began within the window
  bool ended = false;  // ended within the window
  uint64_t first_ns = 0, last_ns = 0;  // of its life within the window

  // Add up to last_ns - first_ns.
  uint64_t oncpu_ns = 0, ready_ns = 0, unseen_ns = 0;
  std::array<uint64_t, kOffReasons> off_ns{};

  uint64_t voluntary = 0, involuntary = 0;  // switches seen
  uint64_t unclear = 0;                     // switches seen, of which kind isn't known
  uint64_t slices = 0;                      // times it got a core
  uint64_t migrations = 0;
  std::array<uint64_t, TS_CONTEXTS> wakeups{};
  // Waits that ended in the window, whole ones, as the kernel adds them to run_delay.
  uint64_t waits = 0, wait_sum_ns = 0, wait_max_ns = 0;
  uint64_t wait_max_at_ns = 0;  // when the longest ended
  std::array<uint32_t, TS_WAIT_BUCKETS> wait_hist{};
  std::vector<Pair> preemptors, wakers;  // in no order

  // The kernel's own totals over the window, where rows at both ends (or its exit) tell them.
  struct Kernel {
    bool known = false;
    uint64_t nvcsw = 0, nivcsw = 0, cpu_ns = 0, run_delay_ns = 0, slices = 0, migrations = 0;
  } kernel;

  [[nodiscard]] uint64_t off_sum_ns() const {
    uint64_t sum = 0;
    for (uint64_t ns : off_ns) sum += ns;
    return sum;
  }
};

struct HistoryCore {
  uint32_t cpu = 0;
  uint64_t busy_ns = 0, idle_ns = 0, unseen_ns = 0;  // add up to the window
  uint64_t switches = 0;
};

// For how long did k threads run at once, and for how long did k wait? Index: k.
struct Concurrency {
  std::vector<uint64_t> running_ns, ready_ns;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // In the order in which slices end. The last ones come with finish().
  virtual void slice(const Slice& slice) = 0;
  // A wait that goes on when the window ends; as a slice of length 0 that hasn't begun.
  virtual void waiting(const Slice& slice) { (void)slice; }
  // Who and when, in order of time; `waker` is kNobody unless in task context.
  virtual void wake(uint64_t time_ns, uint32_t thread, uint32_t waker, uint8_t context) {
    (void)time_ns, (void)thread, (void)waker, (void)context;
  }
};

// What a recording's window is, and how far it can be trusted.
struct HistoryInfo {
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC
  uint64_t realtime_ns = 0;           // CLOCK_REALTIME at begin_ns; 0: not known
  std::string machine;                // "Linux 6.18.0 x86_64"; empty: not known
  std::string command;                // what was recorded, as the user asked for it
};

class History {
 public:
  [[nodiscard]] const HistoryInfo& info() const;
  [[nodiscard]] std::span<const HistoryThread> threads() const;
  [[nodiscard]] std::span<const HistoryCore> cores() const;  // by number
};

}  // namespace timeslice::model
