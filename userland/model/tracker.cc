// SPDX-License-Identifier: MIT
#include "model/tracker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/rates.h"
#include "model/roles.h"
#include "model/sleep.h"

namespace timeslice::model {

namespace {

// A recording may say late whose thread one is: then it is one of that process from there on.
bool same_thread(const ts_thread_row& a, const ts_thread_row& b) {
  return a.tid == b.tid && a.start_ns == b.start_ns && a.tgid == b.tgid;
}

bool sleeps_the_same(const ts_thread_row& a, const ts_thread_row& b) {
  return a.state == b.state && a.syscall_nr == b.syscall_nr &&
         a.syscall_args[0] == b.syscall_args[0] && a.record.have == b.record.have;
}

// A thread that execs takes the id of its process's first thread: totals under that id are another
// thread's then. Some will have shrunk, which one thread's never do, but for a CPU time that
// lagged; or it has grown by more than one thread can run.
bool is_another_thread(const ts_thread_row& before, const ts_thread_row& now, Figure interval_s) {
  constexpr double kTickNs = 1e7;
  constexpr double kSlackNs = 1e9;  // rows are read at some moment of a pass
  if (now.tid != now.tgid || before.tid == 0 || !(now.record.have & TS_HAVE_ENDED_CPU))
    return false;
  return now.nvcsw < before.nvcsw || now.nivcsw < before.nivcsw || now.slices < before.slices ||
         now.migrations < before.migrations || growth(now.cpu_ns, before.cpu_ns) > kTickNs ||
         growth(before.cpu_ns, now.cpu_ns) > 2 * interval_s.value_or(0) * kNsPerS + kSlackNs;
}

}  // namespace

Tracker::Tracker(LookUp look_up, Selection selection)
    : look_up_(std::move(look_up)), selection_(std::move(selection)) {}

Tracker::~Tracker() = default;

const Frame& Tracker::advance(const Snapshot& pass) {
  ++passes_;
  forget_loops();
  now_ns_ = pass.header.time_ns;
  interval_s_.reset();
  if (before_.time_ns != 0 && pass.header.time_ns > before_.time_ns)
    interval_s_ = static_cast<double>(pass.header.time_ns - before_.time_ns) / kNsPerS;
  match(pass);
  settle();
  refresh_groups();
  fill_frame(pass);
  before_ = pass.header;
  return frame_;
}

// Which stayed, which started, which ended? Unchanged positions still have the same thread.
void Tracker::match(const Snapshot& pass) {
  for (const auto& thread : ended_) {
    thread->group->touched = true;
    std::erase(thread->group->ended, thread.get());
  }
  ended_.clear();
  active_before_.swap(active_);
  active_.clear();
  Loose loose;
  take_loose(pass, loose);
  place(pass, loose);
  for (auto& [tid, thread] : loose) end(std::move(thread));
}

// Takes out the threads that no longer stand where they stood.
void Tracker::take_loose(const Snapshot& pass, Loose& loose) {
  const auto take = [&](std::unique_ptr<Tracked>& thread) {
    if (thread) loose.emplace(thread->shown.row.tid, std::move(thread));
  };
  for (size_t i = pass.threads.size(); i < threads_.size(); ++i) take(threads_[i]);
  threads_.resize(pass.threads.size());
  for (const uint32_t i : pass.news)
    if (threads_[i] && !same_thread(threads_[i]->shown.row, *pass.threads[i])) take(threads_[i]);
}

void Tracker::place(const Snapshot& pass, Loose& loose) {
  for (const uint32_t i : pass.news) {
    const ts_thread_row& row = *pass.threads[i];
    if (!threads_[i]) {
      const auto [first, last] = loose.equal_range(row.tid);
      const auto moved = std::find_if(first, last, [&](const auto& entry) {
        return same_thread(entry.second->shown.row, row);
      });
      if (moved != last) {
        threads_[i] = std::move(moved->second);
        loose.erase(moved);
      } else {
        threads_[i] = begin(row);
      }
    }
    update(*threads_[i], row, pass.scheds.empty() ? nullptr : pass.scheds[i]);
  }
}

void Tracker::end(std::unique_ptr<Tracked> tracked) {
  tracked->shown.ended = true;
  tracked->shown.began = false;
  tracked->shown.changed_at = passes_;
  // What it did since its last row is in its process's sums, and in no row.
  clear_rates(tracked->shown);
  if (tracked->sched_memory) tracked->sched_memory->figures.wait_p99_us.reset();
  tracked->group->touched = true;
  tracked->group->ended.push_back(tracked.get());
  tracked->group->ended_sums.lose(tracked->shown.row);
  if (look_up_.runtime) tracked->group->unsettled = true;  // it may have been the first thread
  ended_.push_back(std::move(tracked));
}

// A thread with a row at the last pass and none now has slept since: its rates are 0 from now on.
void Tracker::settle() {
  for (Tracked* thread : active_before_) {
    if (thread->updated_at == passes_ || thread->shown.ended) continue;
    const ts_thread_row same = thread->shown.row;
    thread->shown.began = false;
    thread->shown.changed_at = passes_;
    thread->group->touched = true;
    if (interval_s_) set_rates(thread->shown, same, *interval_s_);
    if (thread->sched_memory) thread->sched_memory->figures.wait_p99_us.reset();
  }
}

std::unique_ptr<Tracked> Tracker::begin(const ts_thread_row& row) {
  auto tracked = std::make_unique<Tracked>();
  tracked->shown.row.record.have = row.record.have;  // all zero: its totals began with the thread
  tracked->shown.began = before_.time_ns != 0;
  tracked->group = &group_of(row.tgid);
  tracked->shown.process = &tracked->group->shown;
  tracked->group->members.push_back(tracked.get());
  if (tracked->shown.began && row.tid == row.tgid) tracked->group->ended_sums.restart(row);
  return tracked;
}

void Tracker::update(Tracked& tracked, const ts_thread_row& row, const ts_sched_row* sched) {
  Thread& thread = tracked.shown;
  const ts_thread_row before = std::exchange(thread.row, row);
  const bool first_look = before.tid == 0;
  if (tracked.updated_at != passes_) active_.push_back(&tracked);
  tracked.updated_at = thread.changed_at = passes_;
  tracked.group->touched = true;
  thread.began = thread.began && first_look;
  if (interval_s_) set_rates(thread, before, *interval_s_);
  tracked.group->ended_sums.take(row);
  if (is_another_thread(before, row, interval_s_)) {
    tracked.group->ended_sums.replace(before, row);
    clear_rates(thread);
  }
  if (sched) {
    if (!tracked.sched_memory) tracked.sched_memory = std::make_unique<SchedMemory>();
    take_sched_row(*tracked.sched_memory, *sched, now_ns_);
    thread.sched = &tracked.sched_memory->figures;
  } else {
    thread.sched = nullptr;
  }
  const bool renamed = strncmp(before.comm, row.comm, TS_COMM_SIZE) != 0;
  if (renamed || first_look) tracked.group->unsettled = true;
  // exec keeps the first thread and changes the program, and with it the comm.
  if (renamed && row.tid == row.tgid) tracked.group->ask = true;
  if (renamed && !first_look) thread.role = {};
  if (first_look || !sleeps_the_same(before, row))
    thread.sleeps_in = sleeps_in(row, &tracked.group->facts);
}

Group& Tracker::group_of(uint32_t tgid) {
  const auto at = std::lower_bound(
      groups_.begin(), groups_.end(), tgid,
      [](const auto& group, uint32_t wanted) { return group->shown.tgid < wanted; });
  if (at != groups_.end() && (*at)->shown.tgid == tgid) return **at;
  auto made = std::make_unique<Group>();
  made->shown.tgid = tgid;
  return **groups_.insert(at, std::move(made));
}

void Tracker::forget_loops() {
  for (Thread* thread : std::exchange(with_loops_, {})) {
    thread->loop = nullptr;
    thread->changed_at = passes_;
  }
  for (const auto& group : groups_) {
    group->shown.loop = nullptr;
    group->shown.pool = nullptr;
  }
  frame_.has_loops = false;
}

void Tracker::show_loops(const LoopFrame& loops) {
  forget_loops();
  const auto shown = [&](uint32_t tgid) {
    const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const auto& one) {
      return one->shown.tgid == tgid && !one->members.empty();
    });
    return group == groups_.end() ? nullptr : group->get();
  };
  for (const WatchedLoop& loop : loops.loops) {
    Group* const group = shown(loop.tgid);
    if (!group) continue;
    for (Tracked* member : group->members) {
      if (member->shown.row.tid != loop.tid) continue;
      Thread& thread = member->shown;
      thread.loop = &loop;
      thread.changed_at = passes_;
      with_loops_.push_back(&thread);
      const WatchedLoop*& busiest = group->shown.loop;
      if (!busiest || busiest->figures.active.sum() < loop.figures.active.sum()) busiest = &loop;
      frame_.has_loops = true;
    }
  }
  for (const WatchedPool& pool : loops.pools)
    if (Group* const group = shown(pool.tgid)) group->shown.pool = &pool;
}

// Makes the sums of the processes anew in which something happened; those without threads go.
void Tracker::refresh_groups() {
  for (const auto& group : groups_) {
    if (!group->touched) continue;
    std::erase_if(group->members, [](const Tracked* member) { return member->shown.ended; });
    sum_up(*group, interval_s_);
    group->touched = false;
  }
  std::erase_if(groups_,
                [](const auto& group) { return group->members.empty() && group->ended.empty(); });
}

void Tracker::ask_ahead() {
  if (!look_up_.ahead) return;
  std::vector<uint32_t> tgids;
  for (const auto& group : groups_) {
    const Process& process = group->shown;
    if (!wants_facts(*group)) continue;
    if (!selection_ || selection_(process, process.threads.front()->row))
      tgids.push_back(process.tgid);
  }
  look_up_.ahead(tgids);
}

void Tracker::fill_frame(const Snapshot& pass) {
  frame_.time_ns = pass.header.time_ns;
  frame_.interval_s = interval_s_;
  frame_.source = pass.source;
  frame_.mode = pass.mode;
  frame_.have = 0;
  frame_.processes.clear();
  frame_.threads.clear();
  frame_.thread_count = 0;
  ask_ahead();
  for (const auto& group : groups_) {
    Process& process = group->shown;
    if (selection_ && !selection_(process, process.threads.front()->row)) continue;
    learn(*group, look_up_, passes_);  // only what is shown is looked up
    frame_.processes.push_back(&process);
    frame_.threads.insert(frame_.threads.end(), process.threads.begin(), process.threads.end());
    frame_.thread_count += process.thread_count;
    frame_.have |= group->have;
  }
  fill_cores(pass.cores);
  fill_trust(pass);
}

void Tracker::fill_cores(std::span<const ts_core_row> cores) {
  frame_.cores.clear();
  for (const ts_core_row& row : cores) {
    const auto before =
        std::find_if(cores_before_.begin(), cores_before_.end(),
                     [&](const ts_core_row& other) { return other.cpu == row.cpu; });
    frame_.cores.push_back(
        shown_core(row, before == cores_before_.end() ? nullptr : &*before, interval_s_));
    frame_.have |= row.record.have;
  }
  std::sort(frame_.cores.begin(), frame_.cores.end(),
            [](const Core& a, const Core& b) { return a.cpu < b.cpu; });
  cores_before_.assign(cores.begin(), cores.end());
}

void Tracker::fill_trust(const Snapshot& pass) {
  const ts_snapshot_header& now = pass.header;
  Trust trust;
  trust.lost_records = now.lost_records;
  trust.storage_failures = now.storage_failures;
  // A thread that waits, or missed a switch, isn't asleep: it is among the active ones.
  for (const Tracked* thread : active_)
    if (thread->shown.row.pending_wait_ns != 0) ++trust.censored_waits;
  for (const auto& group : groups_) {
    trust.missed_switches += group->missed;
    if (!pass.scheds.empty()) trust.unseeded_threads += group->unseeded;
  }
  if (interval_s_ && now.self_cpu_ns != 0)  // of a recording, nobody's
    trust.self_cpu_pct =
        growth(before_.self_cpu_ns, now.self_cpu_ns) * 100 / kNsPerS / *interval_s_;
  if (now.probe_switches != 0)
    trust.probe_ns_per_switch =
        static_cast<double>(now.probe_ns) / static_cast<double>(now.probe_switches);
  frame_.trust = trust;

  frame_.began_per_s.reset();
  frame_.ended_per_s.reset();
  if (interval_s_ && !pass.scheds.empty() && aggregate_before_) {
    frame_.began_per_s = growth(before_.forked, now.forked) / *interval_s_;
    frame_.ended_per_s = growth(before_.ended, now.ended) / *interval_s_;
  }
  aggregate_before_ = !pass.scheds.empty();
}

}  // namespace timeslice::model
