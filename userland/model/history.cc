// SPDX-License-Identifier: MIT
#include "model/history.h"

#include <algorithm>
#include <utility>

#include "model/history_keys.h"

namespace timeslice::model {

namespace {

Off off_by_state(uint16_t state) {
  switch (state & TS_LEAVING_STATES) {
    case TS_LEAVING_SLEEP:
      return Off::sleep;
    case TS_LEAVING_DEEP_SLEEP:
      return Off::disk;
    case TS_LEAVING_STOPPED:
    case TS_LEAVING_TRACED:
      return Off::stopped;
    case TS_LEAVING_IDLE:
      return Off::idle;
    default:
      return Off::other;
  }
}

}  // namespace

const char* off_name(Off reason) {
  constexpr const char* names[kOffReasons] = {"sleep", "uninterruptible", "stopped", "idle",
                                              "other"};
  return names[static_cast<size_t>(reason)];
}

History::History(const HistoryInfo& info, uint64_t from_ns, uint64_t to_ns)
    : info_(info),
      from_ns_(std::max(from_ns, info.begin_ns)),
      to_ns_(to_ns ? to_ns : UINT64_MAX),
      counted_ns_(info.begin_ns) {
  take_cores();
}

// Also those that nothing will be told of.
void History::take_cores() {
  for (const uint32_t cpu : info_.cores)
    if (cpu < kCoreLimit) core_now(static_cast<uint16_t>(cpu));
  if (info_.filtered) return;  // their idle time isn't known
  for (const uint32_t cpu : info_.idle_cores)
    if (cpu < kCoreLimit) core_now(static_cast<uint16_t>(cpu)).seen = true;
}

// A thread that nobody has introduced: it was there before, and what it did isn't known. With a
// filter, all that are recorded are introduced.
uint32_t History::find_or_make(uint32_t tid) {
  const uint32_t found = find(tid);
  if (found != kNobody || tid == TS_TID_OUTSIDE) return found;
  const uint32_t made = make(tid, 0, begun_ ? from_ns_ : info_.begin_ns);
  if (made != kNobody && info_.filtered) threads_[made].flags |= TS_THREAD_OUTSIDE;
  return made;
}

History::CoreNow& History::core_now(uint16_t cpu) {
  while (core_now_.size() <= cpu) {
    CoreNow& core = core_now_.emplace_back();
    core.since_ns = core.last_ns = begun_ ? from_ns_ : info_.begin_ns;
    cores_.push_back({.cpu = static_cast<uint32_t>(cores_.size())});
  }
  return core_now_[cpu];
}

void History::count(int running, int ready, uint64_t time_ns) {
  const uint64_t ns = time_ns > counted_ns_ ? time_ns - counted_ns_ : 0;
  const auto add = [ns](std::vector<uint64_t>& sums, int level) {
    if (level < 0) return;
    const auto at = static_cast<size_t>(level);
    if (at >= sums.size()) sums.resize(at + 1);
    sums[at] += ns;
  };
  add(concurrency_.running_ns, running_);
  add(concurrency_.ready_ns, ready_);
  counted_ns_ += ns;
  running_ += running;
  ready_ += ready;
}

// The window begins later than the recording: what was learnt stays, what was summed goes.
void History::begin_window(uint64_t time_ns) {
  begun_ = true;
  if (time_ns <= info_.begin_ns) return;
  std::vector<bool> alive(threads_.size());
  for (size_t i = 0; i < threads_.size(); ++i) {
    const bool running = now_[i].state == State::running;
    alive[i] = now_[i].state != State::gone;
    static_cast<ThreadSums&>(threads_[i]) = {};
    threads_[i].first_ns = threads_[i].last_ns = time_ns;
    if (!running) now_[i].since_ns = time_ns;
    if (!alive[i]) threads_[i].ended = true;
  }
  for (CoreNow& core : core_now_) {
    core.since_ns = time_ns;
    core.last_ns = std::max(core.last_ns, time_ns);
    if (core.thread == kNobody) continue;
    core.slice.begin_ns = time_ns;
    core.slice.begin_cut = true;
    core.slice.wait_ns = 0;  // it was before the window
    now_[core.thread].since_ns = time_ns;
  }
  for (HistoryCore& core : cores_) core = {.cpu = core.cpu};
  pairs_.clear();
  concurrency_ = {};
  counted_ns_ = time_ns;
}

// Adds what a thread that isn't running did since it left its core.
void History::account_until(uint32_t index, uint64_t time_ns) {
  HistoryThread& thread = threads_[index];
  Now& now = now_[index];
  if (now.state == State::gone) return;
  const uint64_t gap = time_ns > now.since_ns ? time_ns - now.since_ns : 0;
  thread.last_ns = std::max(thread.last_ns, time_ns);
  switch (now.state) {
    case State::unseen:
      thread.unseen_ns += gap;
      break;
    case State::off:
      thread.off_ns[static_cast<size_t>(now.off)] += gap;
      break;
    case State::ready: {
      const uint64_t woken = std::clamp(now.waking_ns, now.since_ns, time_ns);
      if (now.waking_ns) thread.off_ns[static_cast<size_t>(now.off)] += woken - now.since_ns;
      thread.ready_ns += now.waking_ns ? time_ns - woken : gap;
      break;
    }
    case State::running:
    case State::gone:
      break;
  }
  now.since_ns = time_ns;
}

// Of a wait whose end we don't see.
void History::tell_waiting(uint32_t index, uint64_t until_ns) {
  const Now& now = now_[index];
  if (now.state != State::ready || !begun_) return;
  Slice waiting;
  waiting.thread = index;
  waiting.cpu = now.cpu;
  waiting.begin_ns = waiting.end_ns = std::max(until_ns, now.since_ns);
  waiting.wait_ns = waiting.begin_ns - std::clamp(now.waking_ns, now.since_ns, waiting.begin_ns);
  waiting.waking_ns = now.waking_ns;
  waiting.peer = now.peer;
  waiting.because = now.because;
  waiting.context = now.context;
  waiting.end_cut = true;
  for (Listener* listener : listeners_) listener->waiting(waiting);
}

// What a core did since its last switch isn't known, nor what it does now.
void History::lose_core(uint16_t cpu, uint64_t time_ns) {
  CoreNow& core = core_now_[cpu];
  if (time_ns > core.since_ns) cores_[cpu].unseen_ns += time_ns - core.since_ns;
  core.since_ns = std::max(core.since_ns, time_ns);
  core.seen = false;
  core.thread = kNobody;
}

// When its thread left isn't known; that it waited before is, and is in its sums.
void History::tell_cut_slice(CoreNow& core) {
  core.slice.end_ns = core.slice.begin_ns;
  core.slice.end_cut = true;
  if (begun_)
    for (Listener* listener : listeners_) listener->slice(core.slice);
}

// Nothing is known of it any more, until the next record about it.
void History::forget(uint32_t index) {
  Now& now = now_[index];
  now.was_off = now.state == State::off && !now.early;
  now.state = State::unseen;
  now.because = Because::unknown;
  now.waking_ns = 0;
  now.early = false;
  now.run_delay_known = false;
  now.part_ns = 0;
  now.lost = true;
}

// It was off or ready when we last knew, and must have run since: from then on it isn't known what
// it did. That it was off until it was woken is.
void History::lose_since(uint32_t index, uint64_t time_ns) {
  Now& now = now_[index];
  if (now.state == State::ready) {
    count(0, -1, time_ns);
    if (now.waking_ns) account_until(index, std::clamp(now.waking_ns, now.since_ns, time_ns));
  }
  if (now.state == State::gone) return;
  now.state = State::unseen;
  account_until(index, time_ns);
}

// What it did since the last that we knew of it isn't known, and if it had a core, what that did.
void History::lose_thread(uint32_t index, uint64_t time_ns) {
  Now& now = now_[index];
  if (now.state == State::running) {
    if (core_now_[now.cpu].thread == index) tell_cut_slice(core_now_[now.cpu]);
    lose_core(now.cpu, time_ns);
    count(-1, 0, time_ns);
    if (time_ns > now.since_ns) threads_[index].unseen_ns += time_ns - now.since_ns;
    threads_[index].last_ns = std::max(threads_[index].last_ns, time_ns);
    now.since_ns = time_ns;
  } else {
    lose_since(index, time_ns);
  }
  forget(index);
}

// From now on it is off or ready, as far as all cores are seen.
void History::settled(uint32_t index) {
  if (std::exchange(now_[index].listed, true)) return;
  settled_.push_back(index);
}

// A core isn't seen since `time_ns`: whoever isn't seen to run on another one may have been woken
// since, and have run there.
void History::doubt_settled(uint64_t time_ns) {
  for (const uint32_t index : settled_) {
    Now& now = now_[index];
    now.listed = false;
    if (now.state != State::off && now.state != State::ready) continue;
    const uint64_t known_ns = std::max(time_ns, now.since_ns);
    if (now.state == State::ready) count(0, -1, known_ns);
    tell_waiting(index, known_ns);
    account_until(index, known_ns);
    forget(index);
  }
  settled_.clear();
}

// Its number is somebody else's now: its end is missing.
void History::give_away(uint32_t index, uint64_t time_ns) {
  if (now_[index].state == State::running) ++info_.breaks;
  lose_thread(index, time_ns);
  now_[index].state = State::gone;
}

void History::event(const ts_event& event) {
  if (finished_ || event.cpu >= kCoreLimit) return;
  if (!begun_ && event.time_ns >= from_ns_) begin_window(from_ns_);
  if (event.time_ns > to_ns_) return finish(to_ns_);
  CoreNow& core = event.cpu < core_now_.size() ? core_now_[event.cpu] : core_now(event.cpu);
  if (core.dark && event.kind != TS_EVENT_LOST) {
    core.dark = false;
    --dark_cores_;
  }
  switch (event.kind) {
    case TS_EVENT_SWITCH:
      on_switch(reinterpret_cast<const ts_event_switch&>(event));
      break;
    case TS_EVENT_WAKING:
    case TS_EVENT_WAKE_NEW:
      on_wake(reinterpret_cast<const ts_event_wake&>(event));
      break;
    case TS_EVENT_MIGRATE:
      on_migrate(reinterpret_cast<const ts_event_migrate&>(event));
      break;
    case TS_EVENT_FORK:
    case TS_EVENT_EXEC:
    case TS_EVENT_RENAME:
      on_identity(reinterpret_cast<const ts_event_identity&>(event));
      break;
    case TS_EVENT_EXIT:
      on_exit(reinterpret_cast<const ts_event_exit&>(event));
      break;
    case TS_EVENT_LOST:
      on_lost(event);
      break;
    default:
      break;
  }
  core.last_ns = event.time_ns;
  if (dark_cores_ > 0) doubt_settled(event.time_ns);
}

void History::close_core(uint16_t cpu, uint64_t time_ns) {
  CoreNow& core = core_now_[cpu];
  HistoryCore& sums = cores_[cpu];
  const uint64_t gap = time_ns > core.since_ns ? time_ns - core.since_ns : 0;
  if (!core.seen)
    sums.unseen_ns += gap;
  else if (core.thread == kNobody)
    sums.idle_ns += gap;
  else
    sums.busy_ns += gap;
  core.since_ns = std::max(core.since_ns, time_ns);
}

void History::end_slice(CoreNow& core, uint64_t time_ns) {
  HistoryThread& thread = threads_[core.thread];
  core.slice.end_ns = std::max(time_ns, core.slice.begin_ns);
  thread.oncpu_ns += core.slice.end_ns - core.slice.begin_ns;
  thread.last_ns = std::max(thread.last_ns, core.slice.end_ns);
  if (begun_)
    for (Listener* listener : listeners_) listener->slice(core.slice);
}

// Who has the core is who leaves it, though its number may be another's before its last switch.
uint32_t History::leaver_of(const ts_event_switch& record) {
  if (record.prev_tid == 0) return kNobody;
  const CoreNow& core = core_now_[record.event.cpu];
  if (core.thread != kNobody && threads_[core.thread].tid == record.prev_tid) return core.thread;
  return find_or_make(record.prev_tid);
}

void History::on_switch(const ts_event_switch& record) {
  const uint64_t time_ns = record.event.time_ns;
  const uint16_t cpu = record.event.cpu;
  // Both first: a new thread may move what a reference points to.
  const uint32_t leaver = leaver_of(record);
  const uint32_t comer = record.event.tid ? find_or_make(record.event.tid) : kNobody;
  CoreNow& core = core_now_[cpu];
  // By the records somebody else had this core: what came in between is missing.
  const bool broken = core.seen && core.thread != leaver;
  if (broken) {
    ++info_.breaks;
    if (core.thread != kNobody)
      lose_thread(core.thread, time_ns);
    else
      lose_core(cpu, time_ns);
  } else {
    close_core(cpu, time_ns);
  }
  ++cores_[cpu].switches;
  if (leaver != kNobody && !is_outside(leaver)) {
    // Where others aren't recorded, nobody was known to have this core: its arrival is missing.
    const Now& now = now_[leaver];
    if (!broken && !now.lost && (now.state == State::off || now.state == State::ready))
      ++info_.breaks;
    leave(core, record, leaver, comer);
  }
  // Who ends here can't come here.
  const bool ended = comer == leaver && leaver != kNobody && now_[leaver].state == State::gone;
  arrive(core, record, ended ? kNobody : comer);
}

void History::leave(CoreNow& core, const ts_event_switch& record, uint32_t index, uint32_t next) {
  const uint64_t time_ns = record.event.time_ns;
  HistoryThread& thread = threads_[index];
  Now& now = now_[index];
  if (record.prev_state & TS_LEAVING_VOLUNTARY)
    ++thread.voluntary;
  else if (record.prev_state & TS_LEAVING_INVOLUNTARY)
    ++thread.involuntary;
  else
    ++thread.unclear;
  const uint16_t state = record.prev_state & TS_LEAVING_STATES;
  const bool stays_ready = state == TS_LEAVING_RUNNABLE || state == TS_LEAVING_PREEMPTED;
  if (now.state == State::running && core.seen && core.thread == index) {
    core.slice.leaving = state;
    core.slice.voluntary = (record.prev_state & TS_LEAVING_VOLUNTARY) != 0;
    end_slice(core, time_ns);
    count(-1, 0, time_ns);
  } else {
    if (now.state == State::running) ++info_.breaks;  // on another core
    lose_thread(index, time_ns);
  }
  now.since_ns = time_ns;
  now.lost = false;
  now.waking_ns = 0;
  now.peer = kNobody;
  now.context = TS_CONTEXT_UNKNOWN;
  if (state == TS_LEAVING_DEAD || state == TS_LEAVING_ZOMBIE) {
    now.state = State::gone;
    thread.ended = true;
    if (find(thread.tid) == index) by_tid_[thread.tid] = kNobody;
  } else if (stays_ready) {
    now.state = State::ready;
    now.because = Because::preempted;
    now.peer = next;
    now.context = TS_CONTEXT_TASK;
    count(0, 1, time_ns);
  } else {
    now.state = State::off;
    now.because = Because::unknown;
    now.off = off_by_state(state);
  }
  settled(index);
}

// The wait that ends now, and what the thread did before it.
void History::settle_wait(uint32_t index, uint64_t time_ns, uint64_t wait_ns, Slice& slice) {
  HistoryThread& thread = threads_[index];
  Now& now = now_[index];
  const uint64_t gap = time_ns > now.since_ns ? time_ns - now.since_ns : 0;
  const bool known = wait_ns != TS_WAIT_UNKNOWN;
  if (now.state == State::off && now.early) {
    now.state = State::ready;
    now.because = Because::woken;
    now.peer = now.early_peer;
    now.context = now.early_context;
    now.waking_ns = now.since_ns;
    count(0, 1, time_ns);
  }
  now.early = false;
  if (known) {
    now.run_delay_ns += wait_ns;
    wait_ns += now.part_ns;
  }
  now.part_ns = 0;
  if (now.state == State::ready && now.because == Because::preempted) {
    slice.wait_ns = gap;  // it was ready all the time
  } else if (known) {
    slice.wait_ns = std::min(wait_ns, gap);
  } else if (now.state == State::ready) {
    slice.wait_ns =
        now.waking_ns ? time_ns - std::clamp(now.waking_ns, now.since_ns, time_ns) : gap;
  }
  thread.ready_ns += slice.wait_ns;
  if (now.state == State::unseen)
    thread.unseen_ns += gap - slice.wait_ns;
  else
    thread.off_ns[static_cast<size_t>(now.off)] += gap - slice.wait_ns;
  thread.last_ns = std::max(thread.last_ns, time_ns);
  slice.waking_ns = now.waking_ns;
  slice.peer = now.peer;
  slice.because = now.because;
  slice.context = now.context;
  const uint64_t whole_ns = known ? wait_ns : slice.wait_ns;
  if (known || now.state == State::ready) {
    ++thread.waits;
    thread.wait_sum_ns += whole_ns;
    thread.wait_hist.add(ts_wait_bucket(whole_ns));
    if (whole_ns > thread.wait_max_ns || thread.waits == 1) {
      thread.wait_max_ns = whole_ns;
      thread.wait_max_at_ns = time_ns;
    }
  }
  if (now.because == Because::unknown) return;
  const bool preempted = now.because == Because::preempted;
  Pair& pair = pairs_.find_or_make(preempted ? thread.preemptors : thread.wakers,
                                   uint64_t{index} * 2 + preempted, now.peer, now.context);
  ++pair.count;
  pair.wait_ns += whole_ns;
}

void History::arrive(CoreNow& core, const ts_event_switch& record, uint32_t index) {
  const uint64_t time_ns = record.event.time_ns;
  const bool is_idle = record.event.tid == 0;
  core.thread = kNobody;
  core.since_ns = time_ns;
  // With a filter, others come and go unseen after an idle thread or a stranger.
  core.seen = is_idle ? !info_.filtered : index != kNobody && !is_outside(index);
  if (!core.seen || is_idle) return;
  Now& now = now_[index];
  if (now.state == State::running) {  // on another core, by the records
    ++info_.breaks;
    lose_thread(index, time_ns);
  }
  core.thread = index;
  // Field by field: an empty one that is assigned is first made on the stack, in stores which its
  // loads then wait for (a seventh of a report's time).
  Slice& slice = core.slice;
  slice.thread = index;
  slice.cpu = record.event.cpu;
  slice.begin_ns = time_ns;
  slice.end_ns = slice.wait_ns = 0;
  slice.leaving = 0;
  slice.voluntary = slice.begin_cut = slice.end_cut = false;
  settle_wait(index, time_ns, record.wait_ns, core.slice);
  const bool was_ready = now.state == State::ready;
  count(1, was_ready ? -1 : 0, time_ns);
  ++threads_[index].slices;
  threads_[index].prio = prio_of(record.event.prio);
  now.state = State::running;
  now.lost = false;
  now.since_ns = time_ns;
  now.waking_ns = 0;
  now.cpu = record.event.cpu;
  now.has_cpu = true;
}

void History::on_wake(const ts_event_wake& record) {
  const uint64_t time_ns = record.event.time_ns;
  const uint32_t index = find_or_make(record.event.tid);
  if (index == kNobody || is_outside(index)) return;
  const bool by_thread = record.context == TS_CONTEXT_TASK || record.context == TS_CONTEXT_UNKNOWN;
  const uint32_t waker =
      by_thread && record.waker_tid != 0 ? find_or_make(record.waker_tid) : kNobody;
  HistoryThread& thread = threads_[index];
  Now& now = now_[index];
  ++thread.wakeups[record.context & (TS_CONTEXTS - 1)];
  if (begun_)
    for (Listener* listener : listeners_) listener->wake(time_ns, index, waker, record.context);
  // It may be awake already: still on its way to sleep, or woken a moment ago by somebody else.
  if (now.state == State::running) {
    now.early = true;
    now.early_peer = waker;
    now.early_context = record.context;
  }
  if (now.state != State::off && now.state != State::unseen) return;
  now.early = false;
  now.cpu = record.target_cpu;
  now.has_cpu = true;
  // Nothing was seen of it so far, so it slept; unless what it did wasn't recorded.
  if (now.state == State::unseen && now.lost) account_until(index, time_ns);
  if (now.state == State::unseen) now.off = Off::sleep;
  now.was_off = false;
  now.state = State::ready;
  now.because = record.event.kind == TS_EVENT_WAKE_NEW ? Because::created : Because::woken;
  now.peer = waker;
  now.context = record.context;
  now.waking_ns = time_ns;
  count(0, 1, time_ns);
  settled(index);
}

void History::on_migrate(const ts_event_migrate& record) {
  const uint32_t index = find_or_make(record.event.tid);
  if (index == kNobody) return;
  ++threads_[index].migrations;
  Now& now = now_[index];
  if (now.state != State::running) {
    now.cpu = record.to_cpu;
    now.has_cpu = true;
  }
  if (!now.run_delay_known) {
    // Of the wait that goes on, the part before isn't known; of those to come it will be.
    now.run_delay_known = now.lost;
    now.run_delay_ns = record.run_delay_low;
    return;
  }
  const uint32_t part = record.run_delay_low - static_cast<uint32_t>(now.run_delay_ns);
  // Where arrivals are missing, the difference is theirs.
  if (now.state != State::ready && !now.early && part != 0) {
    now.run_delay_known = false;
    return;
  }
  now.run_delay_ns += part;
  now.part_ns += part;
}

// Until its last record the core was as we knew it.
void History::begin_gap(CoreNow& core, uint64_t time_ns) {
  if (!std::exchange(core.dark, true)) ++dark_cores_;
  if (core.thread != kNobody) {
    const uint32_t index = core.thread;
    core.slice.end_cut = true;
    end_slice(core, time_ns);
    core.thread = kNobody;  // its slice is told
    now_[index].since_ns = time_ns;
    lose_thread(index, time_ns);
  }
  doubt_settled(time_ns);
}

void History::on_lost(const ts_event& event) {
  CoreNow& core = core_now_[event.cpu];
  const uint64_t last_ns = core.last_ns;
  ++info_.gaps;
  close_core(event.cpu, last_ns);
  begin_gap(core, last_ns);
  lose_core(event.cpu, last_ns);
}

}  // namespace timeslice::model
