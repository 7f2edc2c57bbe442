// SPDX-License-Identifier: MIT
// What did each thread do at each moment of a recording? The History takes the records of
// bpf/wire.h in the order of time, and splits every thread's life into running on a core, ready but
// waiting for one, and off (asleep, stopped, waiting for a disk). The three and `unseen` add up to
// the window, to the nanosecond, whatever was lost.
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

#include "base/thread_key.h"
#include "bpf/wire.h"
#include "model/frame.h"
#include "model/pair_index.h"
#include "model/waits.h"

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
  // The wait that ended with this slice; within the window, and never longer than the thread was
  // off the core. 0: it didn't wait, or that isn't known.
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

// Who a thread is. What is learnt stays, wherever the window begins.
struct ThreadIdentity {
  uint32_t tid = 0, tgid = 0, ppid = 0;
  uint64_t start_ns = 0;  // CLOCK_BOOTTIME; 0: not known
  std::string comm;       // the last one
  uint32_t flags = 0;     // enum ts_thread_flags
  int prio = 120;         // as the kernel has it
  Role role;
};

// What it did within the window.
struct ThreadSums {
  bool born = false;                   // began within the window
  bool ended = false;                  // ended within the window
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
  WaitCounts wait_hist;
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

struct HistoryThread : ThreadIdentity, ThreadSums {};

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

// What the kernel counted of threads over the window, beyond what the records tell.
struct Beyond {
  uint64_t slices = 0;    // times that a thread got a core
  uint64_t wait_ns = 0;   // the waits before them
  uint64_t oncpu_ns = 0;  // of threads of which more is missing than slices are measured apart
};

// What a recording's window is, and what its figures rest on.
struct HistoryInfo {
  uint64_t begin_ns = 0, end_ns = 0;  // CLOCK_MONOTONIC; the window. The end comes with finish()
  uint64_t realtime_ns = 0;           // CLOCK_REALTIME at begin_ns; 0: not known
  std::string machine;                // "Linux 6.18.0 x86_64"; empty: not known
  std::string asked;            // what was recorded: "./server", "process 12"; empty: the machine
  std::vector<uint32_t> cores;  // that the machine had, by number; empty: not told
  std::vector<uint32_t> idle_cores;  // of them, that were idle at begin_ns
  bool filtered = false;             // some threads only: then a core's idle time isn't known
  uint32_t recorder_tgid = 0;        // 0: not known
  uint64_t lost = 0;                 // records, as the recorder counted them
  uint64_t gaps = 0;                 // places in the cores' records where some are missing
  uint64_t breaks = 0;               // switches that are missing, by what is told before and after
  uint64_t most_threads = UINT64_MAX;  // with more, event() and opening() throw Failure
  bool has_waits = true;  // the kernel's own waits are in the file; else they are since the wake-up
};

class History {
 public:
  // `from_ns`, `to_ns`: the window, cut down to the recording's; 0: the recording's.
  History(const HistoryInfo& info, uint64_t from_ns = 0, uint64_t to_ns = 0);

  // Before the first event: who is there at info.begin_ns, who at its end, and what they are for.
  void opening(const ts_thread_row& row);
  void closing(const ts_thread_row& row);
  void role(uint32_t tid, uint64_t start_ns, const Role& role);
  void listen(Listener& listener) { listeners_.push_back(&listener); }

  // In the order of time.
  void event(const ts_event& event);
  // Ends the window, at the recording's end at the latest, or where the caller says that it broke
  // off.
  void finish(uint64_t end_ns);

  [[nodiscard]] const HistoryInfo& info() const { return info_; }
  [[nodiscard]] std::span<const HistoryThread> threads() const { return threads_; }
  [[nodiscard]] std::span<const HistoryCore> cores() const { return cores_; }  // by number
  [[nodiscard]] const Concurrency& concurrency() const { return concurrency_; }
  // Of those threads of which the kernel's totals are known.
  [[nodiscard]] Beyond beyond() const;

  // Before finish(): how do things stand at `time_ns`, not before the last event? history_now.cc.
  enum class State : uint8_t { unseen, off, ready, running, gone };
  struct Doing {
    State state = State::unseen;
    int32_t cpu = -1;           // that it has, or had last; -1: not known
    uint64_t oncpu_ns = 0;      // in the window, with the slice that goes on
    uint64_t run_delay_ns = 0;  // that the kernel has added to its run_delay in the window
    uint64_t pending_ns = 0;    // the wait that goes on, less what is in run_delay_ns already
    // Switches. What is unclear meanwhile, the kernel's totals may tell at the thread's end, or at
    // info.end_ns where that is known beforehand.
    uint64_t voluntary = 0, involuntary = 0, unclear = 0;
  };
  [[nodiscard]] Doing doing(uint32_t thread, uint64_t time_ns) const;
  [[nodiscard]] HistoryCore core_at(uint32_t cpu, uint64_t time_ns) const;
  // The thread that has this number now; kNobody: none that is known.
  [[nodiscard]] uint32_t find(uint32_t tid) const {
    return tid < by_tid_.size() ? by_tid_[tid] : kNobody;
  }

 private:
  // What a thread does now, and since when.
  struct Now {
    State state = State::unseen;
    Off off = Off::other;
    Because because = Because::unknown;
    uint8_t context = TS_CONTEXT_UNKNOWN;
    uint16_t cpu = 0;
    bool has_cpu = false;  // `cpu` is known
    uint32_t peer = kNobody;
    uint64_t since_ns = 0;   // off its core (off, ready, unseen), or on it
    uint64_t waking_ns = 0;  // 0: not woken since
    // Woken while it still ran. If it goes to sleep all the same, and comes back with no other
    // wake-up, this was the one: the waker met it on its way off the core (try_to_wake_up waits for
    // that).
    bool early = false;
    uint8_t early_context = TS_CONTEXT_UNKNOWN;
    uint32_t early_peer = kNobody;
    // The kernel's run_delay, as far as the records tell; and the part of the wait that goes on
    // which a migration has added to it already.
    bool run_delay_known = false;
    uint64_t run_delay_ns = 0, part_ns = 0;
    // What it did isn't known since records were missing, and no switch of it has been told since;
    // `was_off`: until then it was off, for the reason `off`.
    bool lost = false, was_off = false;
    bool listed = false;  // in settled_
  };
  struct CoreNow {
    bool seen = false;
    bool dark = false;          // in a gap: its next record is still to come
    uint32_t thread = kNobody;  // kNobody: idle, if seen
    uint64_t since_ns = 0;
    uint64_t last_ns = 0;  // of the last record
    Slice slice;
  };

  uint32_t find_or_make(uint32_t tid);
  uint32_t make(uint32_t tid, uint64_t start_ns, uint64_t time_ns);
  CoreNow& core_now(uint16_t cpu);
  void take_cores();
  void take_role(ThreadIdentity& thread) const;
  [[nodiscard]] bool is_outside(uint32_t thread) const {
    return (threads_[thread].flags & TS_THREAD_OUTSIDE) != 0;
  }

  void begin_window(uint64_t time_ns);
  void on_switch(const ts_event_switch& record);
  void on_wake(const ts_event_wake& record);
  void on_migrate(const ts_event_migrate& record);
  void on_identity(const ts_event_identity& record);
  void on_exit(const ts_event_exit& record);
  void on_lost(const ts_event& event);
  void leave(CoreNow& core, const ts_event_switch& record, uint32_t leaver, uint32_t next);
  void arrive(CoreNow& core, const ts_event_switch& record, uint32_t comer);
  void settle_wait(uint32_t thread, uint64_t time_ns, uint64_t wait_ns, Slice& slice);
  void account_until(uint32_t thread, uint64_t time_ns);
  void take_kernel_totals(uint32_t index, HistoryThread& thread) const;
  void tell_waiting(uint32_t thread, uint64_t until_ns);
  void tell_cut_slice(CoreNow& core);
  void begin_gap(CoreNow& core, uint64_t time_ns);
  void doubt_settled(uint64_t time_ns);
  void forget(uint32_t thread);
  void settled(uint32_t thread);
  void sleep_on(uint32_t thread, uint64_t time_ns);
  void lose_core(uint16_t cpu, uint64_t time_ns);
  void lose_thread(uint32_t thread, uint64_t time_ns);
  void lose_since(uint32_t thread, uint64_t time_ns);
  void give_away(uint32_t thread, uint64_t time_ns);
  uint32_t leaver_of(const ts_event_switch& record);
  void take_over(uint32_t thread, const ts_event_identity& record);
  void step_down(uint32_t leader, uint64_t time_ns);
  void close_core(uint16_t cpu, uint64_t time_ns);
  void end_slice(CoreNow& core, uint64_t time_ns);
  void count(int running, int ready, uint64_t time_ns);

  HistoryInfo info_;
  uint64_t from_ns_, to_ns_;
  bool begun_ = false, finished_ = false;
  std::vector<HistoryThread> threads_;
  std::vector<Now> now_;          // beside threads_
  std::vector<uint32_t> by_tid_;  // kNobody: nobody; a tid is below 2^22 (PID_MAX_LIMIT)
  std::unordered_map<ThreadKey, Role> roles_;
  std::unordered_map<ThreadKey, ts_thread_row> opening_rows_, closing_rows_;
  PairIndex pairs_;
  std::vector<HistoryCore> cores_;
  std::vector<CoreNow> core_now_;
  size_t dark_cores_ = 0;
  std::vector<uint32_t> settled_;  // at least those that are surely off or ready; each once
  std::vector<Listener*> listeners_;
  Concurrency concurrency_;
  int running_ = 0, ready_ = 0;
  uint64_t counted_ns_ = 0;
};

}  // namespace timeslice::model
