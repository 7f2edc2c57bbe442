// SPDX-License-Identifier: MIT
// The rows of a moment: which threads have one, and what stands in it.
#include <algorithm>
#include <cstring>

#include "model/replay.h"

namespace timeslice::model {

namespace {

// What events tell of any thread.
constexpr uint32_t kCounted = TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_WAIT | TS_HAVE_PENDING |
                              TS_HAVE_MIGRATIONS | TS_HAVE_ON_CPU | TS_HAVE_FLAGS;
// What only a look can tell, and is out of date once the thread has run.
constexpr uint32_t kFromALook = TS_HAVE_VRUNTIME | TS_HAVE_SYSCALL;
constexpr uint32_t kOfFirst = TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES;

bool goes_on(const History::Doing& doing) {
  return doing.state == History::State::running || doing.state == History::State::ready;
}

}  // namespace

// Those that `report` shows: not who is known by name only, nor the recorder itself.
bool Replay::is_shown(uint32_t index) const {
  const Life& life = lives_[index];
  const HistoryThread& thread = history_.threads()[index];
  if (life.buried || (thread.flags & TS_THREAD_OUTSIDE)) return false;
  const uint32_t recorder = history_.info().recorder_tgid;
  if (recorder != 0 && thread.tgid == recorder) return false;
  return life.introduced || thread.slices + thread.voluntary + thread.involuntary > 0;
}

const Snapshot& Replay::pass(uint64_t now_ns) {
  write_rows(now_ns);
  write_cores(now_ns);
  write_header(now_ns);
  pass_.source = "recording";
  pass_.mode = Mode::aggregate;
  return pass_;
}

void Replay::write_rows(uint64_t now_ns) {
  std::vector<uint32_t> order;
  order.reserve(order_.size());
  pass_.threads.clear();
  pass_.scheds.clear();
  pass_.news.clear();
  queued_.assign(history_.cores().size(), 0);
  living_.reset();
  for (uint32_t index = 0; index < lives_.size(); ++index) {
    if (!is_shown(index)) continue;
    const History::Doing doing = history_.doing(index, now_ns);
    if (goes_on(doing) && static_cast<size_t>(doing.cpu) < queued_.size())
      ++queued_[static_cast<size_t>(doing.cpu)];
    const auto place = static_cast<uint32_t>(order.size());
    const bool moved = place >= order_.size() || order_[place] != index;
    const bool changed = write_row(index, doing);
    if (moved || changed) pass_.news.push_back(place);
    order.push_back(index);
    pass_.threads.push_back(&lives_[index].row);
    pass_.scheds.push_back(&lives_[index].sched);
  }
  order_.swap(order);
}

// Its process's first thread ended before the others, and its number is nobody else's.
bool Replay::is_zombie(uint32_t index) {
  const HistoryThread& thread = history_.threads()[index];
  if (thread.tid != thread.tgid || history_.find(thread.tid) != kNobody) return false;
  if (!living_) {
    living_.emplace();
    for (uint32_t other = 0; other < lives_.size(); ++other)
      if (is_shown(other) && history_.doing(other, 0).state != History::State::gone)
        living_->insert(history_.threads()[other].tgid);
  }
  return living_->contains(thread.tgid);
}

// Since its row was written, threads of the process that it leads have ended.
bool Replay::has_other_sums(uint32_t index) const {
  const ts_thread_row& row = lives_[index].row;
  if (row.tid != row.tgid) return false;
  const auto found = ended_sums_.find(row.tgid);
  if (found == ended_sums_.end()) return false;
  const EndedSums& sums = found->second;
  return row.ended_cpu_ns != sums.cpu_ns || row.ended_nvcsw != sums.nvcsw ||
         row.ended_nivcsw != sums.nivcsw;
}

// False: it has slept all the time, and its row is as it was.
bool Replay::write_row(uint32_t index, const History::Doing& doing) {
  Life& life = lives_[index];
  const bool going_on =
      goes_on(doing) || (life.row.flags & TS_THREAD_ON_CPU) || life.row.pending_wait_ns != 0;
  const bool cleared_up = doing.unclear != life.sched.missed;
  const bool over = doing.state == History::State::gone && !is_zombie(index);
  if (!life.touched && !going_on && !cleared_up && !over && !has_other_sums(index)) return false;
  write_totals(index, doing);
  write_sched(index, doing);
  life.touched = false;
  if (over) {
    life.row.state = 'X';
    bury(index);
  }
  return true;
}

void Replay::write_totals(uint32_t index, const History::Doing& doing) {
  const HistoryThread& thread = history_.threads()[index];
  Life& life = lives_[index];
  const ts_thread_row& before = life.before;
  ts_thread_row& row = life.row;
  const bool running = doing.state == History::State::running;
  const bool has_run = running || thread.slices + thread.voluntary + thread.involuntary > 0;
  const bool first = thread.tid == thread.tgid;
  const uint32_t looked = before.record.have & ~(has_run ? kFromALook | kOfFirst : kOfFirst);
  row.record = {TS_RECORD_THREAD, sizeof(row), looked | kCounted | (first ? kOfFirst : 0)};
  row.tid = thread.tid;
  row.tgid = thread.tgid;
  row.ppid = thread.ppid;
  row.start_ns = thread.start_ns ? thread.start_ns : life.start_ns;
  row.nvcsw = before.nvcsw + doing.voluntary;
  row.nivcsw = before.nivcsw + doing.involuntary;
  row.cpu_ns = before.cpu_ns + doing.oncpu_ns;
  row.run_delay_ns = before.run_delay_ns + doing.run_delay_ns;
  row.pending_wait_ns = doing.pending_ns;
  row.slices = before.slices + thread.slices;
  row.migrations = before.migrations + thread.migrations;
  row.flags = thread.flags | (running ? static_cast<uint32_t>(TS_THREAD_ON_CPU) : 0U);
  row.cpu = doing.cpu;
  row.prio = thread.prio - 100;
  if (thread.prio >= 100 && thread.prio < 140) row.nice = thread.prio - 120;
  const auto sums = ended_sums_.find(thread.tgid);
  const EndedSums ended = first && sums != ended_sums_.end() ? sums->second : EndedSums{};
  row.ended_cpu_ns = ended.cpu_ns;
  row.ended_nvcsw = ended.nvcsw;
  row.ended_nivcsw = ended.nivcsw;
  row.state = doing.state == History::State::gone     ? 'Z'
              : doing.state == History::State::unseen ? '\0'
              : goes_on(doing)                        ? 'R'
                                                      : life.letter;
  std::memset(row.comm, 0, sizeof(row.comm));
  std::memcpy(row.comm, thread.comm.data(), std::min(thread.comm.size(), sizeof(row.comm) - 1));
}

void Replay::write_sched(uint32_t index, const History::Doing& doing) {
  const HistoryThread& thread = history_.threads()[index];
  ts_sched_row& sched = lives_[index].sched;
  sched.voluntary = doing.voluntary;
  sched.involuntary = doing.involuntary;
  sched.missed = doing.unclear;
  sched.waits = thread.waits;
  sched.wait_sum_ns = thread.wait_sum_ns;
  sched.wait_max_ns = thread.wait_max_ns;
  std::copy(thread.wakeups.begin(), thread.wakeups.end(), sched.wakeups);
  std::copy(thread.wait_hist.begin(), thread.wait_hist.end(), sched.wait_hist);
}

// Of a recording of some threads, it isn't known what else its cores did: then there are none.
void Replay::write_cores(uint64_t now_ns) {
  pass_.cores.clear();
  if (history_.info().filtered) return;
  const std::vector<uint32_t>& told = history_.info().cores;  // by number
  for (const HistoryCore& known : history_.cores()) {
    const HistoryCore core = history_.core_at(known.cpu, now_ns);
    // As the recording begins nothing has been counted: so those that it names are known by that.
    if (core.busy_ns + core.idle_ns == 0 && core.switches == 0 &&
        !std::binary_search(told.begin(), told.end(), known.cpu))
      continue;
    ts_core_row& row = pass_.cores.emplace_back();
    row.record = {TS_RECORD_CORE, sizeof(row),
                  TS_HAVE_CORE_SWITCHES | TS_HAVE_CORE_QUEUE | TS_HAVE_CORE_BUSY};
    row.cpu = core.cpu;
    row.queue_len = queued_[core.cpu];
    row.switches = core.switches;
    row.busy_ns = core.busy_ns;
    row.idle_ns = core.idle_ns;
  }
}

void Replay::write_header(uint64_t now_ns) {
  pass_.header = {};
  pass_.header.version = TS_WIRE_VERSION;
  pass_.header.have = kCounted | TS_HAVE_CORE_SWITCHES | TS_HAVE_CORE_QUEUE | TS_HAVE_CORE_BUSY;
  pass_.header.time_ns = now_ns;
  pass_.header.forked = forked_;
  pass_.header.ended = ended_;
  pass_.header.lost_records = lost_;
}

}  // namespace timeslice::model
