// SPDX-License-Identifier: MIT
#include "live/loop_watch.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/detached_thread.h"
#include "base/failure.h"
#include "live/process_loops.h"
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
  Watcher(const std::vector<uint32_t>& tgids, const LoopWatchOptions& options)
      : named_(tgids), options_(options), looks_(observe::open_thread_looks(note_)) {
    for (const uint32_t tgid : tgids) processes_.emplace_back(tgid, options);
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
      changed_.wait_until(lock, next, [this] { return closed_; });
    }
    ended_ = true;
    changed_.notify_all();
  }

  model::LoopFrame take() {
    model::LoopFrame seen;
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock) {
      seen.note = "a process's memory doesn't answer";
      return seen;
    }
    if (failure_) std::rethrow_exception(failure_);
    seen.time_ns = monotonic_ns();
    seen.source = looks_->source();
    seen.note = note_;
    for (ProcessLoops& process : processes_) process.take(seen);
    seen.all_gone = std::all_of(processes_.begin(), processes_.end(),
                                [](const ProcessLoops& process) { return process.gone(); });
    return seen;
  }

  // Whoever's memory is being read may never answer: then the thread is left behind.
  void close() {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (!lock.try_lock_for(kPatience)) return;
    closed_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [this] { return ended_; });
  }

 private:
  // Of those that were named: the workers of a cluster come and go.
  void find_workers(uint64_t now_ns) {
    if (now_ns < next_workers_ns_) return;
    next_workers_ns_ = now_ns + kWorkersEvery;
    std::erase_if(processes_, [this](const ProcessLoops& process) {
      return process.gone() && !is_named(process.tgid());
    });
    for (const uint32_t primary : named_) {
      for (const uint32_t worker : observe::cluster_workers(primary)) {
        const auto is_known = [&](const ProcessLoops& process) { return process.tgid() == worker; };
        if (processes_.size() < kMostProcesses &&
            std::none_of(processes_.begin(), processes_.end(), is_known))
          processes_.emplace_back(worker, options_);
      }
    }
  }

  [[nodiscard]] bool is_named(uint32_t tgid) const {
    return std::find(named_.begin(), named_.end(), tgid) != named_.end();
  }

  void look() {
    const uint64_t now = monotonic_ns();
    find_workers(now);
    std::vector<uint32_t> tids;
    for (ProcessLoops& process : processes_) {
      process.search(*looks_, now);
      process.add_tids(tids);
    }
    if (tids.empty()) return;
    std::span<const ts_look> looks = looks_->read(tids);
    for (ProcessLoops& process : processes_) looks = process.add(looks);
  }

  std::timed_mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<uint32_t> named_;
  LoopWatchOptions options_;
  std::string note_;
  std::unique_ptr<observe::ThreadLooks> looks_;
  std::vector<ProcessLoops> processes_;
  std::exception_ptr failure_;
  uint64_t next_workers_ns_ = 0;
  bool closed_ = false, ended_ = false;
};

LoopWatch::LoopWatch(const std::vector<uint32_t>& tgids, const LoopWatchOptions& options)
    : watcher_(std::make_shared<Watcher>(tgids, options)) {
  if (const int error = start_detached([watcher = watcher_] { watcher->watch(); }))
    throw failure_from_errno("cannot start the thread that looks at loops", error);
}

LoopWatch::~LoopWatch() { watcher_->close(); }

model::LoopFrame LoopWatch::take() { return watcher_->take(); }

}  // namespace timeslice::live
