// SPDX-License-Identifier: MIT
// Who is there? Threads as a recording's rows and its records of births, names and ends tell them.
#include <algorithm>

#include "base/failure.h"
#include "model/history.h"
#include "model/history_keys.h"

namespace timeslice::model {

namespace {

Off off_by_letter(char state) {
  switch (state) {
    case 'S':
      return Off::sleep;
    case 'D':
      return Off::disk;
    case 'T':
    case 't':
      return Off::stopped;
    case 'I':
      return Off::idle;
    default:
      return Off::other;
  }
}

}  // namespace

uint32_t History::make(uint32_t tid, uint64_t start_ns, uint64_t time_ns) {
  if (tid >= kTidLimit) return kNobody;
  if (by_tid_.size() <= tid) by_tid_.resize(std::max<size_t>(tid + 1, by_tid_.size() * 2), kNobody);
  const auto index = static_cast<uint32_t>(threads_.size());
  if (index >= info_.most_threads)
    throw Failure("the recording tells of more than " + std::to_string(index) +
                  " threads, which is too many for its size: it is left alone");
  by_tid_[tid] = index;
  HistoryThread& thread = threads_.emplace_back();
  thread.tid = tid;
  thread.tgid = tid;
  thread.start_ns = start_ns;
  thread.first_ns = thread.last_ns = time_ns;
  now_.emplace_back().since_ns = time_ns;
  take_role(thread);
  return index;
}

void History::take_role(ThreadIdentity& thread) const {
  const auto found = roles_.find({thread.tid, thread.start_ns});
  if (found != roles_.end()) thread.role = found->second;
}

void History::opening(const ts_thread_row& row) {
  const uint32_t known = find(row.tid);
  const bool again = known != kNobody && threads_[known].start_ns == row.start_ns;
  if (known != kNobody && !again) give_away(known, info_.begin_ns);
  const uint32_t index = again ? known : make(row.tid, row.start_ns, info_.begin_ns);
  if (index == kNobody) return;
  HistoryThread& thread = threads_[index];
  thread.tgid = row.tgid;
  thread.ppid = row.ppid;
  thread.comm = comm_of(row.comm);
  thread.flags = row.flags & ~static_cast<uint32_t>(TS_THREAD_ON_CPU);
  if (row.record.have) thread.prio = std::clamp(row.prio, -101, 155) + 100;
  if (again || is_outside(index) || row.record.have == 0) return;
  opening_rows_[{row.tid, row.start_ns}] = row;
  Now& now = now_[index];
  now.cpu = static_cast<uint16_t>(std::max(row.cpu, 0));
  now.has_cpu = row.cpu >= 0;
  now.run_delay_known = true;
  now.run_delay_ns = row.run_delay_ns;
  if (row.state != 'R') {
    now.state = State::off;
    now.off = off_by_letter(row.state);
  } else if (!(row.flags & TS_THREAD_ON_CPU)) {
    now.state = State::ready;
    ++ready_;
  } else if (row.cpu >= 0 && static_cast<size_t>(row.cpu) < kCoreLimit) {
    CoreNow& core = core_now(static_cast<uint16_t>(row.cpu));
    // Rows aren't all of one instant: the last one had it last.
    if (core.thread != kNobody) lose_thread(core.thread, info_.begin_ns);
    now.state = State::running;
    ++running_;
    core.seen = true;
    core.thread = index;
    core.since_ns = core.last_ns = info_.begin_ns;
    core.slice = {};
    core.slice.thread = index;
    core.slice.cpu = static_cast<uint16_t>(row.cpu);
    core.slice.begin_ns = info_.begin_ns;
    core.slice.begin_cut = true;
  }
  settled(index);
}

void History::closing(const ts_thread_row& row) {
  if (row.record.have == 0) return;  // known by name only
  closing_rows_[{row.tid, row.start_ns}] = row;
}

void History::role(uint32_t tid, uint64_t start_ns, const Role& role) {
  Role& kept = roles_[{tid, start_ns}];
  if (role.confidence >= kept.confidence) kept = role;
  const uint32_t index = find(tid);
  if (index != kNobody && threads_[index].start_ns == start_ns) threads_[index].role = kept;
}

// It has ended, or will with its next switch: its number is its follower's.
void History::step_down(uint32_t leader, uint64_t time_ns) {
  HistoryThread& thread = threads_[leader];
  if (now_[leader].state == State::running) return;
  const bool ghost = thread.start_ns == 0 && thread.slices == 0;
  if (!ghost) return give_away(leader, time_ns);
  now_[leader].state = State::gone;  // made for a number that its follower had already
  thread.first_ns = thread.last_ns;
}

// A thread that isn't its process's leader and calls exec goes on under the leader's number, with
// the leader's moment of birth, when all others have ended.
void History::take_over(uint32_t index, const ts_event_identity& record) {
  HistoryThread& thread = threads_[index];
  const uint32_t tid = record.event.tid, leader = find(tid);
  if (tid >= kTidLimit || leader == index) return;
  if (leader != kNobody) step_down(leader, record.event.time_ns);
  if (by_tid_.size() <= tid) by_tid_.resize(tid + 1, kNobody);
  by_tid_[thread.tid] = kNobody;
  by_tid_[tid] = index;
  // The kernel's totals at the end stand under the new number, those at the beginning don't yet.
  const auto found = opening_rows_.find({thread.tid, thread.start_ns});
  if (found == opening_rows_.end())
    opening_rows_.erase({tid, record.start_ns});
  else
    opening_rows_.insert_or_assign({tid, record.start_ns}, found->second);
  thread.tid = tid;
}

void History::on_identity(const ts_event_identity& record) {
  const uint64_t time_ns = record.event.time_ns;
  const uint32_t known = find(record.event.tid);
  const bool fork = record.event.kind == TS_EVENT_FORK;
  uint32_t index = known;
  if (record.event.kind == TS_EVENT_EXEC && record.parent_tid != 0) {
    const uint32_t other = find(record.parent_tid);
    if (other != kNobody && threads_[other].tgid == record.tgid) take_over(index = other, record);
  }
  if (fork &&
      (known == kNobody || record.start_ns == 0 || threads_[known].start_ns != record.start_ns)) {
    if (known != kNobody) give_away(known, time_ns);
    index = make(record.event.tid, record.start_ns, time_ns);
    if (index == kNobody) return;
    threads_[index].born = true;
    now_[index].state = State::off;
    now_[index].run_delay_known = record.start_ns != 0;
    settled(index);
  }
  if (index == kNobody) index = find_or_make(record.event.tid);
  if (index == kNobody) return;
  HistoryThread& thread = threads_[index];
  if (record.tgid) thread.tgid = record.tgid;
  // A plain task_newtask doesn't say whose thread it is: its parent's.
  if (fork && !record.tgid)
    if (const uint32_t parent = find(record.parent_tid); parent != kNobody)
      thread.tgid = threads_[parent].tgid;
  if (record.ppid) thread.ppid = record.ppid;
  if (record.start_ns) thread.start_ns = record.start_ns;
  if (record.tgid) {
    if (record.flags & TS_THREAD_OUTSIDE && !is_outside(index)) lose_thread(index, time_ns);
    thread.flags = record.flags;
  }
  thread.comm = comm_of(record.comm);
  if (thread.role.confidence == 0) take_role(thread);
}

void History::on_exit(const ts_event_exit& record) {
  const uint32_t index = find(record.event.tid);
  if (index == kNobody || record.start_ns == 0) return;
  HistoryThread& thread = threads_[index];
  ts_thread_row before{};
  const auto found = opening_rows_.find({thread.tid, thread.start_ns});
  if (found != opening_rows_.end())
    before = found->second;
  else if (!thread.born)
    return;
  // What it does on its way out we add ourselves: its totals are read once more nowhere.
  HistoryThread::Kernel& kernel = thread.kernel;
  kernel.known = record.nvcsw >= before.nvcsw && record.nivcsw >= before.nivcsw &&
                 record.cpu_ns >= before.cpu_ns && record.run_delay_ns >= before.run_delay_ns &&
                 record.slices >= before.slices && record.migrations >= before.migrations;
  kernel.nvcsw = record.nvcsw - before.nvcsw - thread.voluntary;
  kernel.nivcsw = record.nivcsw - before.nivcsw - thread.involuntary;
  kernel.cpu_ns = record.cpu_ns - before.cpu_ns;
  kernel.run_delay_ns = record.run_delay_ns - before.run_delay_ns - thread.wait_sum_ns;
  kernel.slices = record.slices - before.slices - thread.slices;
  kernel.migrations = record.migrations - before.migrations - thread.migrations;
}

}  // namespace timeslice::model
