// SPDX-License-Identifier: MIT
#include "live/loop_watch.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/detached_thread.h"
#include "base/failure.h"
#include "live/process_loops.h"
#include "live/turn_watch.h"
#include "observe/cluster_workers.h"
#include "observe/thread_looks.h"

namespace timeslice::live {

namespace {

constexpr std::chrono::milliseconds kPeriod{10};
constexpr uint64_t kWorkersEvery = 1'000'000'000;  // ns; a cluster's come and go
constexpr size_t kMostProcesses = 1024;
constexpr std::chrono::seconds kPatience{2};

}  // namespace

// What both threads know. Who takes and who looks take turns.
class LoopWatch::Watcher {
 public:
  Watcher(std::vector<uint32_t> tgids, const LoopWatchOptions& options)
      : wanted_(std::move(tgids)), options_(options) {
    if (options_.turns_budget_ratio)
      turns_ = std::make_unique<TurnWatch>(*options_.turns_budget_ratio, options_.phases);
  }

  void want(std::vector<uint32_t> tgids) {
    const std::lock_guard lock(wanted_mutex_);
    wanted_ = std::move(tgids);
  }

  void watch() {
    std::unique_lock lock(mutex_);
    auto next = std::chrono::steady_clock::now();
    while (!closed_) {
      try {
        look();
      } catch (...) {
        failure_ = std::current_exception();
        break;
      }
      // What a busy machine made us miss is not made up for.
      next = std::max(next + kPeriod, std::chrono::steady_clock::now());
      lock.unlock();
      std::this_thread::sleep_until(next);
      lock.lock();
    }
    ended_ = true;
    end_.notify_all();
  }

  model::LoopFrame take(std::chrono::milliseconds patience) {
    model::LoopFrame seen;
    const std::unique_lock lock(mutex_, patience);
    if (!lock) {
      seen.note =
          "a look at event loops takes long: the machine is busy, or a memory doesn't answer";
      return seen;
    }
    if (failure_) std::rethrow_exception(failure_);
    seen.time_ns = monotonic_ns();
    if (!looks_) return seen;  // it has just begun
    seen.source = looks_->source();
    seen.note = note_;
    for (ProcessLoops& process : processes_) process.take(seen);
    if (turns_) turns_->take(seen);
    seen.all_gone = std::all_of(processes_.begin(), processes_.end(),
                                [](const ProcessLoops& process) { return process.gone(); });
    seen.all_gone &= !processes_.empty();
    return seen;
  }

  // Whoever's memory is being read may never answer: then the thread is left behind.
  void close() {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!lock.try_lock_for(kPatience)) return;
    closed_ = true;
    end_.wait_for(lock, kPatience, [this] { return ended_; });
    // Not by the other thread, which the end of the program would kill in the middle of it: then
    // the kernel leaves breakpoints behind.
    if (ended_) turns_.reset();
  }

 private:
  [[nodiscard]] bool is_watched(uint32_t tgid) const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [&](const ProcessLoops& process) { return process.tgid() == tgid; });
  }
  [[nodiscard]] bool publishes(uint32_t tgid) const {
    return std::any_of(processes_.begin(), processes_.end(), [&](const ProcessLoops& process) {
      return process.tgid() == tgid && process.publishes();
    });
  }
  [[nodiscard]] bool is_named(uint32_t tgid) const {
    return std::find(named_.begin(), named_.end(), tgid) != named_.end();
  }
  void add(uint32_t tgid) {
    if (processes_.size() < kMostProcesses && !is_watched(tgid))
      processes_.emplace_back(tgid, options_);
  }

  void take_names() {
    {
      const std::lock_guard lock(wanted_mutex_);
      if (named_ == wanted_) return;
      named_ = wanted_;
    }
    for (const uint32_t tgid : named_) add(tgid);
    next_workers_ns_ = 0;
  }

  // Of those that were named: the workers of a cluster come and go.
  void find_workers(uint64_t now_ns) {
    if (now_ns < next_workers_ns_) return;
    next_workers_ns_ = now_ns + kWorkersEvery;
    std::vector<uint32_t> workers;
    for (const uint32_t primary : named_) {
      for (const uint32_t worker : observe::cluster_workers(primary)) workers.push_back(worker);
      if (!publishes(primary)) continue;
      for (const uint32_t worker : published_workers(primary)) workers.push_back(worker);
    }
    std::erase_if(processes_, [&](const ProcessLoops& process) {
      return !is_named(process.tgid()) &&
             (process.gone() ||
              std::find(workers.begin(), workers.end(), process.tgid()) == workers.end());
    });
    for (const uint32_t worker : workers) add(worker);
  }

  void look() {
    if (!looks_) looks_ = observe::open_thread_looks(note_);
    take_names();
    const uint64_t now = monotonic_ns();
    find_workers(now);
    std::vector<uint32_t> tids;
    for (ProcessLoops& process : processes_) {
      process.search(*looks_, now);
      process.add_tids(tids);
    }
    if (!tids.empty()) {
      const uint64_t since = monotonic_ns();
      std::span<const ts_look> looks = looks_->read(tids);
      for (ProcessLoops& process : processes_) looks = process.add(looks, since);
    }
    if (turns_) time_turns(now);
  }

  void time_turns(uint64_t now_ns) {
    std::vector<observe::TurnLoop> loops;
    for (const ProcessLoops& process : processes_) {
      process.add_shown(loops);
      turns_->watch_phases(process.tgid(), process.gone() ? nullptr : process.phases());
    }
    turns_->watch(loops);
    turns_->check(now_ns);
  }

  std::mutex wanted_mutex_;  // of wanted_ only: nobody waits for a look to set it
  std::vector<uint32_t> wanted_;
  std::timed_mutex mutex_;
  std::condition_variable_any end_;
  std::vector<uint32_t> named_;
  LoopWatchOptions options_;
  std::string note_;
  std::unique_ptr<observe::ThreadLooks> looks_;
  std::vector<ProcessLoops> processes_;
  std::unique_ptr<TurnWatch> turns_;  // null: not wanted
  std::exception_ptr failure_;
  uint64_t next_workers_ns_ = 0;
  bool closed_ = false, ended_ = false;
};

LoopWatch::LoopWatch(std::vector<uint32_t> tgids, const LoopWatchOptions& options)
    : watcher_(std::make_shared<Watcher>(std::move(tgids), options)) {
  if (const int error = start_detached([watcher = watcher_] { watcher->watch(); }))
    throw failure_from_errno("cannot start the thread that looks at loops", error);
}

LoopWatch::~LoopWatch() { watcher_->close(); }

void LoopWatch::watch(std::vector<uint32_t> tgids) { watcher_->want(std::move(tgids)); }

model::LoopFrame LoopWatch::take(std::chrono::milliseconds patience) {
  return watcher_->take(patience);
}

}  // namespace timeslice::live
