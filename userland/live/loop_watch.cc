// SPDX-License-Identifier: MIT
#include "live/loop_watch.h"

#include <dirent.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "live/js_sampler.h"
#include "live/loop_finder.h"
#include "live/pool_finder.h"
#include "observe/cluster_workers.h"
#include "observe/command_line.h"
#include "observe/thread_looks.h"
#include "runtime/uv_loop.h"
#include "runtime/uv_pool.h"

namespace timeslice::live {

namespace {

constexpr std::chrono::milliseconds kPeriod{10};
// How often all threads of a process are searched for loops: threads come and go, and a loop in the
// middle of a turn isn't found. Of many it takes longer, so it is done less often.
constexpr uint64_t kSearchEvery = 100'000'000;    // ns
constexpr uint64_t kSearchPerThread = 1'000'000;  // ns
constexpr uint64_t kWorkersEvery =
    1'000'000'000;  // ns: how often a cluster's workers are looked for
constexpr size_t kMostProcesses = 1024;
constexpr size_t kMostThreads = 8192;  // of a process that are searched for loops
// A look that took longer is of no single moment: it is repeated.
constexpr uint64_t kQuickLook = 200'000;  // ns
constexpr int kTries = 3;
constexpr size_t kMostJobsTold = 256;          // of each queue
constexpr uint64_t kSampleEvery = 18'000'000;  // ns: at every other look
constexpr uint64_t kSamplesPerDoubling = 16;
constexpr std::chrono::seconds kPatience{2};

std::vector<uint32_t> threads_of(uint32_t tgid) {
  std::vector<uint32_t> tids;
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(
      opendir(("/proc/" + std::to_string(tgid) + "/task").c_str()), closedir);
  while (const dirent* entry = tasks ? readdir(tasks.get()) : nullptr) {
    const unsigned long tid = std::strtoul(entry->d_name, nullptr, 10);
    if (tid != 0 && tids.size() < kMostThreads) tids.push_back(static_cast<uint32_t>(tid));
  }
  return tids;
}

struct State {
  runtime::UvLoopState words;
  uint64_t at_ns = 0;
};

// The words, and the moment at which they were read.
std::optional<State> read_state(MemoryReader& memory, const runtime::UvLayout& layout,
                                uint64_t address) {
  std::optional<State> state;
  uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < kTries && shortest > kQuickLook; ++i) {
    const uint64_t before = monotonic_ns();
    const auto words = runtime::read_uv_loop(memory, layout, address);
    const uint64_t after = monotonic_ns();
    if (!words) return std::nullopt;
    if (after - before >= shortest) continue;
    shortest = after - before;
    state = State{*words, after};
  }
  return state;
}

model::LoopLook joined(const State& state, const FoundLoop& loop, const ts_look& look) {
  model::LoopLook joined;
  joined.at_ns = state.at_ns;
  joined.turns = state.words.turns;
  joined.polls = waits_for_events(look, loop.epoll_fd);
  joined.keeps_times = loop.keeps_times;
  joined.entry_ns = state.words.entry_ns;
  joined.idle_ns = state.words.idle_ns;
  joined.time_ns = state.words.time_ms * 1'000'000;
  joined.cpu_ns = look.cpu_ns;
  joined.wait_ns = look.run_delay_ns + look.pending_wait_ns;
  return joined;
}

// One process and its loops.
class ProcessLoops {
 public:
  ProcessLoops(uint32_t tgid, uint64_t block_ns)
      : tgid_(tgid),
        block_ns_(block_ns),
        memory_(tgid),
        finder_(std::make_unique<LoopFinder>(tgid)) {}

  // Where threads have come or gone, or the process runs another program by now.
  void search(observe::ThreadLooks& looks, uint64_t now_ns) {
    if (now_ns < next_search_ns_) return;
    std::erase_if(loops_, [&](const Tracked& loop) { return !is_still_there(loop.found); });
    if (loops_.empty()) begin_anew();
    if (loops_.empty() || command_.empty()) command_ = observe::command_line(tgid_);
    const std::vector<uint32_t> tids = threads_of(tgid_);
    gone_ = tids.empty();
    std::vector<FoundLoop> known;
    for (const Tracked& loop : loops_) known.push_back(loop.found);
    const std::span<const ts_look> threads = looks.read(tids);
    for (const FoundLoop& found : finder_->find(threads, known))
      loops_.push_back({found, model::LoopTurns(block_ns_), 0});
    if (!pool_places_ && !loops_.empty()) pool_places_ = pool_by_waiters(memory_, threads);
    // The main thread's first, then by age.
    std::sort(loops_.begin(), loops_.end(), [this](const Tracked& one, const Tracked& other) {
      return std::make_tuple(one.found.tid != tgid_, one.found.thread_start_ns, one.found.tid) <
             std::make_tuple(other.found.tid != tgid_, other.found.thread_start_ns,
                             other.found.tid);
    });
    next_search_ns_ = now_ns + std::max(kSearchEvery, tids.size() * kSearchPerThread);
  }

  void add_tids(std::vector<uint32_t>& tids) const {
    for (const Tracked& loop : loops_) tids.push_back(loop.found.tid);
  }

  // `looks`: of the threads that add_tids() has added. Returns the others.
  std::span<const ts_look> add(std::span<const ts_look> looks) {
    for (Tracked& loop : loops_) {
      const ts_look& look = looks.front();
      looks = looks.subspan(1);
      if (!(look.have & TS_LOOK_THREAD) || look.start_ns != loop.found.thread_start_ns) continue;
      const auto state = read_state(memory_, finder_->layout(), loop.found.address);
      if (!state) continue;
      loop.found.keeps_times |= state->words.entry_ns != 0 || state->words.idle_ns != 0;
      loop.turns.add(joined(*state, loop.found, look));
      if (is_time_for_sample(loop, state->at_ns)) take_sample(loop, look, state->at_ns);
    }
    if (pool_places_ && !loops_.empty()) look_at_pool();
    return looks;
  }

  void take(model::LoopFrame& seen) {
    if (loops_.empty() && !gone_ && finder_ && !finder_->refusal().empty())
      seen.refused.push_back({tgid_, finder_->refusal()});
    for (Tracked& loop : loops_) {
      auto figures = loop.turns.take();
      if (figures && (loop.found.keeps_times || !has_times()))
        seen.loops.push_back(
            {tgid_, loop.found.tid, command_, loop.found.tid == tgid_, std::move(*figures)});
    }
  }

  void take_pool(model::LoopFrame& seen) {
    auto figures = pool_.take();
    if (!figures || figures->threads == 0) return;
    add_jobs(*figures);
    seen.pools.push_back({tgid_, std::move(*figures)});
  }

  [[nodiscard]] uint32_t tgid() const { return tgid_; }
  [[nodiscard]] bool gone() const { return gone_; }

 private:
  struct Tracked {
    FoundLoop found;
    model::LoopTurns turns;
    uint64_t sampled_ns = 0;
  };

  // From the middle of what would be a block on; of one that lasts, in ever larger steps.
  [[nodiscard]] bool is_time_for_sample(const Tracked& loop, uint64_t now_ns) const {
    const uint64_t turn = loop.turns.turn_ns();
    return turn > block_ns_ / 2 &&
           now_ns - loop.sampled_ns >= std::max(kSampleEvery, turn / kSamplesPerDoubling);
  }

  // By registers that are as fresh as can be: the look is as old as all reads since.
  void take_sample(Tracked& loop, const ts_look& look, uint64_t now_ns) {
    if (!sampler_) sampler_ = std::make_unique<JsSampler>(tgid_);
    loop.sampled_ns = now_ns;
    model::BlockProfile* profile = loop.turns.profile();
    if (!profile || !sampler_->refusal().empty()) return;
    if (const auto sample = sampler_->sample(look, now_ns))
      profile->add(*sample);
    else
      profile->drop();
  }

  void begin_anew() {
    sampler_.reset();
    finder_ = std::make_unique<LoopFinder>(tgid_);
    pool_places_.reset();
    if (finder_->refusal().empty()) pool_places_ = pool_by_symbols(tgid_, finder_->image());
  }

  void look_at_pool() {
    if (const auto pool = runtime::read_uv_pool(memory_, *pool_places_))
      pool_.add({pool->threads, pool->idle, pool->queued, pool->slow});
  }

  // As of now: at the last look there may have been others.
  void add_jobs(model::PoolFigures& figures) {
    auto waiting = runtime::read_uv_jobs(memory_, *pool_places_, kMostJobsTold);
    if (!waiting) return;
    figures.queued = waiting->queued;
    figures.slow = waiting->slow;
    std::map<std::pair<std::string, std::string>, uint32_t> counts;
    for (runtime::UvJob& job : waiting->jobs) ++counts[{std::move(job.kind), std::move(job.what)}];
    for (const auto& [job, count] : counts) figures.jobs.push_back({job.first, job.second, count});
    std::stable_sort(figures.jobs.begin(), figures.jobs.end(),
                     [](const auto& one, const auto& other) { return one.count > other.count; });
  }

  [[nodiscard]] bool is_still_there(const FoundLoop& loop) {
    return runtime::is_uv_loop(memory_, finder_->layout(), loop.address, loop.epoll_fd);
  }
  // Beside a loop that keeps its times, one that doesn't is none of JavaScript's: Node has one for
  // V8's delayed tasks.
  [[nodiscard]] bool has_times() const {
    return std::any_of(loops_.begin(), loops_.end(),
                       [](const Tracked& loop) { return loop.found.keeps_times; });
  }

  uint32_t tgid_;
  uint64_t block_ns_;
  observe::TargetMemory memory_;
  std::unique_ptr<LoopFinder> finder_;  // made by the first search
  std::unique_ptr<JsSampler> sampler_;  // made when there is something to name
  std::optional<runtime::UvPoolPlaces> pool_places_;
  model::PoolLooks pool_;
  std::vector<Tracked> loops_;
  std::string command_;
  uint64_t next_search_ns_ = 0;
  bool gone_ = false;
};

}  // namespace

// What both threads know. Who takes and who looks take turns.
class LoopWatch::Watcher {
 public:
  Watcher(const std::vector<uint32_t>& tgids, uint64_t block_ns)
      : named_(tgids), block_ns_(block_ns), looks_(observe::open_thread_looks(note_)) {
    for (const uint32_t tgid : tgids) processes_.emplace_back(tgid, block_ns);
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
    for (ProcessLoops& process : processes_) {
      process.take(seen);
      process.take_pool(seen);
    }
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
          processes_.emplace_back(worker, block_ns_);
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
  uint64_t block_ns_;
  std::string note_;
  std::unique_ptr<observe::ThreadLooks> looks_;
  std::vector<ProcessLoops> processes_;
  std::exception_ptr failure_;
  uint64_t next_workers_ns_ = 0;
  bool closed_ = false, ended_ = false;
};

// Signals are for the loop's thread; only this one's own faults aren't blocked.
LoopWatch::LoopWatch(std::vector<uint32_t> tgids, uint64_t block_ns)
    : watcher_(std::make_shared<Watcher>(tgids, block_ns)) {
  sigset_t all, former;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, &former);
  int error = 0;
  try {
    std::thread([watcher = watcher_] { watcher->watch(); }).detach();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  if (error) throw failure_from_errno("cannot start the thread that looks at loops", error);
}

LoopWatch::~LoopWatch() { watcher_->close(); }

model::LoopFrame LoopWatch::take() { return watcher_->take(); }

}  // namespace timeslice::live
