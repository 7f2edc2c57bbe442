// SPDX-License-Identifier: MIT
#include "live/process_loops.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "live/pool_finder.h"
#include "model/sleep.h"
#include "observe/command_line.h"
#include "observe/numbers_in.h"

namespace timeslice::live {

namespace {

// How often all threads of a process are searched for loops: threads come and go, and a loop in the
// middle of a turn isn't found. Of many it takes longer, so it is done less often.
constexpr uint64_t kSearchEvery = 100'000'000;    // ns, until one is found
constexpr uint64_t kSearchForMore = 500'000'000;  // ns
constexpr uint64_t kSearchPerThread = 1'000'000;  // ns
constexpr size_t kMostThreads = 8192;             // of a process that are searched
// How often one without a loop is asked which program it runs by now: its file's symbols are read.
constexpr uint64_t kBeginningEvery = 1'000'000'000;  // ns
// A look that took longer is of no single moment: it is repeated.
constexpr uint64_t kQuickLook = 200'000;  // ns
constexpr int kTries = 3;
// A loop that hasn't kept its times for so many looks, while another of its process has, isn't
// shown and so not looked at.
constexpr uint64_t kLooksToKeep = 100;
constexpr size_t kMostJobsTold = 256;           // of each queue
constexpr size_t kMostWorkers = 64;             // of a pool that are looked at
constexpr uint64_t kSampleEvery = 18'000'000;   // ns: at every other look
constexpr uint64_t kSamplePerLoop = 5'000'000;  // ns, of the process, where all turns are sampled
// Of a turn that lasts, a sample each time that it has grown by a sixteenth.
constexpr uint64_t kGrowth = 16;

struct State {
  LoopWords words;
  uint64_t at_ns = 0;
};

bool sleeps_for_events(const ts_look& look, const FoundLoop& loop) {
  if (loop.serial == 0) return waits_for_events(look, loop.epoll_fd);
  return look.state == 'S' && !look.on_cpu;  // in whatever call, if its loop says so
}

// Has the thread slept from one look to the other, in the same wait for events? Then nobody has
// written its loop's words meanwhile. Each sleep adds to what the kernel counts.
bool has_slept(const ts_look& from, const ts_look& to, const FoundLoop& loop) {
  return (from.have & TS_LOOK_THREAD) && sleeps_for_events(from, loop) &&
         sleeps_for_events(to, loop) && from.nvcsw == to.nvcsw && from.nivcsw == to.nivcsw;
}

bool is_at_rest(const runtime::UvPoolCounts& pool) {
  return pool.idle == pool.threads && pool.queued == 0U && pool.slow == 0U;
}

// The words, and the moment at which they were read.
template <typename Read>
std::optional<State> read_state(Read read) {
  std::optional<State> state;
  uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < kTries && shortest > kQuickLook; ++i) {
    const uint64_t before = monotonic_ns();
    const std::optional<LoopWords> words = read();
    const uint64_t after = monotonic_ns();
    if (!words) return std::nullopt;
    if (after - before >= shortest) continue;
    shortest = after - before;
    state = State{*words, after};
  }
  return state;
}

model::LoopLook join(const State& state, const FoundLoop& loop, const ts_look& look) {
  model::LoopLook joined;
  joined.at_ns = state.at_ns;
  joined.turns = state.words.turns;
  joined.polls = waits_for_events(look, loop.epoll_fd);
  joined.keeps_times = loop.keeps_times;
  joined.works_in_waits = loop.serial != 0;
  joined.entry_ns = state.words.entry_ns;
  joined.idle_ns = state.words.idle_ns;
  joined.time_ns = state.words.time_ns;
  joined.cpu_ns = look.cpu_ns;
  joined.wait_ns = look.run_delay_ns + look.pending_wait_ns;
  return joined;
}

// The call in which a thread sleeps; empty: it doesn't.
std::string sleeps_in(const ts_look& look) {
  if (look.on_cpu || (look.state != 'S' && look.state != 'D')) return "";
  return look.syscall_nr < 0 ? "page fault or exception" : model::syscall_name(look.syscall_nr);
}

}  // namespace

ProcessLoops::ProcessLoops(uint32_t tgid, const LoopWatchOptions& options)
    : tgid_(tgid), options_(options), memory_(tgid) {
  begin_anew(monotonic_ns());
}

void ProcessLoops::begin_anew(uint64_t now_ns) {
  next_beginning_ns_ = now_ns + kBeginningEvery;
  sampler_.reset();
  finder_ = std::make_unique<LoopFinder>(tgid_);
  published_ = std::make_unique<PublishedFinder>(tgid_);
  pool_places_.reset();
  pool_now_.reset();
  workers_.clear();
  phases_.reset();
  wants_names_ = false;
  if (finder_->refusal().empty()) {
    pool_places_ = pool_by_symbols(tgid_, finder_->image());
    if (options_.phases) phases_ = find_phases(tgid_, finder_->image());
    sampler_ = std::make_unique<JsSampler>(tgid_);
  }
  command_ = observe::command_line(tgid_);
}

bool ProcessLoops::is_still_there(const FoundLoop& loop) {
  if (loop.serial != 0)
    return runtime::read_published_loop(memory_, loop.address, loop.serial).has_value();
  return runtime::is_uv_loop(memory_, finder_->layout(), loop.address, loop.epoll_fd);
}

void ProcessLoops::add_published(std::span<const ts_look> threads) {
  for (const FoundPublished& found : published_->find(threads)) {
    const bool is_known = std::any_of(loops_.begin(), loops_.end(), [&](const Tracked& loop) {
      return loop.found.address == found.loop.address && loop.found.serial == found.loop.serial;
    });
    if (is_known) continue;
    FoundLoop loop{found.loop.address, found.tid, found.thread_start_ns};
    loop.keeps_times = true;
    loop.serial = found.loop.serial;
    loops_.push_back({loop, model::LoopTurns(options_.block_ns)});
  }
}

std::optional<LoopWords> ProcessLoops::words_of(const Tracked& loop) {
  const FoundLoop& found = loop.found;
  if (found.serial != 0) {
    const auto words = runtime::read_published_loop(memory_, found.address, found.serial);
    if (!words) return std::nullopt;
    return LoopWords{words->turns, words->entry_ns, words->idle_ns, words->time_ns, 0, words};
  }
  const auto words = runtime::read_uv_loop(memory_, finder_->layout(), found.address,
                                           loop.words ? loop.words->fields : 0);
  if (!words) return std::nullopt;
  return LoopWords{words->turns,  words->entry_ns, words->idle_ns, words->time_ms * 1'000'000,
                   words->fields, std::nullopt};
}

// The main thread's first, then by age.
void ProcessLoops::sort() {
  const auto place = [this](const Tracked& loop) {
    return std::make_tuple(loop.found.tid != tgid_, loop.found.thread_start_ns, loop.found.tid);
  };
  std::sort(loops_.begin(), loops_.end(),
            [&](const Tracked& one, const Tracked& other) { return place(one) < place(other); });
}

void ProcessLoops::search(observe::ThreadLooks& looks, uint64_t now_ns) {
  if (now_ns < next_search_ns_) return;
  std::erase_if(loops_, [&](const Tracked& loop) { return !is_still_there(loop.found); });
  if (loops_.empty() && now_ns >= next_beginning_ns_) begin_anew(now_ns);
  std::vector<uint32_t> tids = observe::numbers_in("/proc/" + std::to_string(tgid_) + "/task");
  tids.resize(std::min(tids.size(), kMostThreads));
  gone_ = tids.empty();
  std::vector<FoundLoop> known;
  for (const Tracked& loop : loops_) known.push_back(loop.found);
  const std::span<const ts_look> threads = looks.read(tids);
  for (const FoundLoop& found : finder_->find(threads, known))
    loops_.push_back({found, model::LoopTurns(options_.block_ns)});
  const bool has_libuv = !loops_.empty();
  add_published(threads);
  if (!pool_places_ && has_libuv) pool_places_ = pool_by_waiters(memory_, threads);
  find_workers(threads);
  sort();
  next_search_ns_ = now_ns + std::max(loops_.empty() ? kSearchEvery : kSearchForMore,
                                      tids.size() * kSearchPerThread);
}

void ProcessLoops::find_workers(std::span<const ts_look> threads) {
  const std::vector<Worker> known = std::exchange(workers_, {});
  if (!pool_places_ || !pool_now_) return;
  std::vector<uint64_t> workers =
      runtime::read_uv_workers(memory_, *pool_places_, pool_now_->threads);
  std::sort(workers.begin(), workers.end());
  for (const ts_look& look : threads)
    if (workers_.size() < kMostWorkers && (look.have & TS_LOOK_REGISTERS) &&
        std::binary_search(workers.begin(), workers.end(), look.thread_pointer))
      workers_.push_back({look, 0});
  for (Worker& worker : workers_)
    for (const Worker& before : known)
      if (before.last.tid == worker.last.tid && before.last.start_ns == worker.last.start_ns)
        worker = before;
}

void ProcessLoops::add_tids(std::vector<uint32_t>& tids) {
  for (Tracked& loop : loops_) {
    loop.is_looked_at = loop.found.keeps_times || loop.looks++ < kLooksToKeep || !keeps_times();
    if (loop.is_looked_at) tids.push_back(loop.found.tid);
  }
  workers_asked_ = pool_now_ && !is_at_rest(*pool_now_) ? workers_.size() : 0;
  if (workers_asked_ == 0)
    for (Worker& worker : workers_) worker.at_ns = 0;
  for (size_t i = 0; i < workers_asked_; ++i) tids.push_back(workers_[i].last.tid);
}

std::span<const ts_look> ProcessLoops::add(std::span<const ts_look> looks, uint64_t since_ns) {
  bool all_slept = true;
  for (Tracked& loop : loops_) {
    if (!loop.is_looked_at) continue;
    const ts_look& look = looks.front();
    looks = looks.subspan(1);
    const bool is_there =
        (look.have & TS_LOOK_THREAD) && look.start_ns == loop.found.thread_start_ns;
    all_slept &= is_there;
    if (!is_there) continue;
    std::optional<State> state;
    if (loop.words && loop.words->entry_ns != 0 && has_slept(loop.last, look, loop.found))
      state = State{*loop.words, since_ns};
    else
      state = read_state([&] { return words_of(loop); });
    all_slept &= state && state->at_ns == since_ns;
    loop.last = look;
    loop.words = state ? std::optional(state->words) : std::nullopt;
    if (!state) continue;
    loop.found.keeps_times |= state->words.entry_ns != 0 || state->words.idle_ns != 0;
    const model::LoopLook joined = join(*state, loop.found, look);
    loop.turns.add(joined);
    const model::ActivityLook activity = activity_of(joined, look);
    loop.activity.add(activity);
    if (is_time_for_sample(loop, joined)) take_sample(loop, activity, look, joined.at_ns);
  }
  if (pool_places_ && !loops_.empty()) look_at_pool(all_slept);
  if (!pool_places_) look_at_published_pools();
  for (size_t i = 0; i < workers_asked_; ++i) look_at_worker(workers_[i], looks[i], since_ns);
  return looks.subspan(workers_asked_);
}

model::ActivityLook ProcessLoops::activity_of(const model::LoopLook& joined, const ts_look& look) {
  model::ActivityLook activity;
  activity.in_turn = joined.in_turn();
  activity.asks_vm = can_name();
  if (activity.in_turn && activity.asks_vm) activity.vm = sampler_->state(look);
  if (activity.in_turn && !joined.polls) activity.call = sleeps_in(look);
  activity.waits = look.state == 'R' && !look.on_cpu;
  // Whoever looks runs, and maybe on the CPU that it waits for: that says nothing.
  if (look.have & TS_LOOK_RIVAL && look.rival_tgid != static_cast<uint32_t>(getpid()))
    activity.rival = model::Rival{look.rival_tid, look.rival_tgid, look.rival_comm};
  return activity;
}

// From the middle of what would be a block on; or in any turn. Of many loops each gets less.
bool ProcessLoops::is_time_for_sample(const Tracked& loop, const model::LoopLook& joined) const {
  const uint64_t turn = loop.turns.turn_ns();
  const bool is_block = turn > options_.block_ns / 2;
  if (!is_block && !(options_.profiles && joined.in_turn())) return false;
  const uint64_t others = is_block ? 0 : loops_.size() * kSamplePerLoop;
  return joined.at_ns - loop.sampled_ns >= std::max({kSampleEvery, turn / kGrowth, others});
}

void ProcessLoops::take_sample(Tracked& loop, const model::ActivityLook& activity,
                               const ts_look& look, uint64_t now_ns) {
  loop.sampled_ns = now_ns;
  wants_names_ = true;
  model::BlockProfile* profile = loop.turns.profile();
  if (!profile || !(can_name() || loop.found.serial != 0)) return;
  if (const auto sample = sample_of(loop, look, now_ns)) {
    profile->add(*sample);
    if (options_.profiles) loop.activity.add_sample(*sample, !activity.call.empty());
    return;
  }
  profile->drop();
  if (options_.profiles) loop.activity.drop_sample();
  ++dropped_;
}

// A loop of ours tells its phase, and which operation's callback it has called; no function.
std::optional<model::StackSample> ProcessLoops::sample_of(const Tracked& loop, const ts_look& look,
                                                          uint64_t now_ns) {
  if (loop.found.serial == 0) return sampler_->sample(look, now_ns, options_.requests);
  const auto& words = *loop.words->published;
  const std::string phase = runtime::published_phase(memory_, words);
  if (phase.empty()) return std::nullopt;
  model::StackSample sample;
  sample.phase = phase;
  const std::string callback = runtime::published_callback(memory_, words);
  if (!callback.empty()) sample.frames.push_back({.function = "callback of " + callback});
  return sample;
}

// Each loop has a pool of its own: the process has all of them.
void ProcessLoops::look_at_published_pools() {
  runtime::PublishedPool sum;
  for (const Tracked& loop : loops_) {
    if (loop.found.serial == 0) continue;
    const auto pool = runtime::read_published_pool(memory_, loop.found.address);
    if (!pool) return;
    sum.threads += pool->threads;
    sum.idle += pool->idle;
    sum.queued += std::min(pool->queued, runtime::kMostJobs);
    sum.slow += std::min(pool->slow, runtime::kMostJobs);
  }
  if (sum.threads > 0) pool_.add({monotonic_ns(), sum.threads, sum.idle, sum.queued, sum.slow, {}});
}

// Only loops fill it: one that had nothing to do, and whose loops have slept since, is as it was.
void ProcessLoops::look_at_pool(bool all_slept) {
  const auto is_started = [this] { return pool_now_ && pool_now_->threads > 0; };
  const bool was_started = is_started();
  if (!(all_slept && pool_now_ && is_at_rest(*pool_now_)))
    pool_now_ = runtime::read_uv_pool(memory_, *pool_places_);
  if (is_started() && !was_started) next_search_ns_ = 0;  // of its threads
  if (pool_now_)
    pool_.add({monotonic_ns(), pool_now_->threads, pool_now_->idle, pool_now_->queued,
               pool_now_->slow, pool_now_->waiting});
}

void ProcessLoops::look_at_worker(Worker& worker, const ts_look& look, uint64_t now_ns) {
  if (!(look.have & TS_LOOK_THREAD) || look.start_ns != worker.last.start_ns) return;
  const Worker before = std::exchange(worker, {look, now_ns});
  if (before.at_ns == 0 || waits_for_job(look, *pool_places_)) return;
  const auto growth = [](uint64_t from, uint64_t to) { return to - std::min(from, to); };
  const auto waited = [](const ts_look& at) { return at.run_delay_ns + at.pending_wait_ns; };
  pool_.add_worker({growth(before.at_ns, now_ns), growth(before.last.cpu_ns, look.cpu_ns),
                    growth(waited(before.last), waited(look)), sleeps_in(look)});
}

// Beside a loop that keeps its times, one that doesn't is none of JavaScript's: Node has one for
// V8's delayed tasks.
bool ProcessLoops::keeps_times() const {
  return std::any_of(loops_.begin(), loops_.end(),
                     [](const Tracked& loop) { return loop.found.keeps_times; });
}

// Of a Node in its first turn, none keeps its times yet.
bool ProcessLoops::is_shown(const Tracked& loop) const {
  return loop.found.keeps_times || (!keeps_times() && (loop.found.tid == tgid_ || !can_name()));
}

void ProcessLoops::add_shown(std::vector<observe::TurnLoop>& loops) const {
  for (const Tracked& loop : loops_)
    if (is_shown(loop) && loop.found.serial == 0)
      loops.push_back(
          {tgid_, loop.found.tid, loop.found.address, loop.found.epoll_fd, loop.found.count_at});
}

void ProcessLoops::take(model::LoopFrame& seen) {
  const std::string& refusal = publishes() ? published_->refusal() : finder_->refusal();
  if (loops_.empty() && !gone_ && !refusal.empty()) seen.refused.push_back({tgid_, refusal});
  for (Tracked& loop : loops_) {
    auto figures = loop.turns.take();
    model::LoopActivity activity = loop.activity.take();
    if (figures && is_shown(loop))
      seen.loops.push_back({tgid_, loop.found.tid, command_, loop.found.tid == tgid_,
                            std::move(*figures), std::move(activity)});
  }
  if (options_.phases && publishes())
    seen.unphased.push_back({tgid_, "its loops aren't libuv's, and tell the phase of blocks only"});
  seen.dropped_samples += std::exchange(dropped_, 0);
  if (wants_names_ && sampler_ && !sampler_->refusal().empty())
    seen.unnamed.push_back({tgid_, sampler_->refusal()});
  take_pool(seen);
}

void ProcessLoops::take_pool(model::LoopFrame& seen) {
  auto figures = pool_.take();
  if (!figures || figures->threads == 0) return;
  if (pool_places_) add_jobs(*figures);
  seen.pools.push_back({tgid_, std::move(*figures)});
}

// As of now: at the last look there may have been others.
void ProcessLoops::add_jobs(model::PoolFigures& figures) {
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

}  // namespace timeslice::live
