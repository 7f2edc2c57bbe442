// SPDX-License-Identifier: MIT
#include "model/replay.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/space_saving.h"
#include "model/state_letter.h"

namespace timeslice::model {

Replay::Replay(const HistoryInfo& info) : history_(info) {}

void Replay::opening(const ts_thread_row& row) {
  history_.opening(row);
  add_new_lives(history_.info().begin_ns);
  if (lives_.empty() || history_.find(row.tid) != lives_.size() - 1) return;
  Life& life = lives_.back();
  life.before = life.row = row;
  life.introduced = true;
  life.letter = row.state;
  if (row.tid != row.tgid) return;
  EndedSums& sums = ended_sums_[row.tgid];
  sums.cpu_ns = row.ended_cpu_ns;
  sums.nvcsw = row.ended_nvcsw;
  sums.nivcsw = row.ended_nivcsw;
}

// The History has met threads that nobody introduced, or that have just been forked. A number that
// another had until it ended isn't that one's any more: since when at the latest is all we know.
void Replay::add_new_lives(uint64_t now_ns) {
  while (lives_.size() < history_.threads().size()) {
    const HistoryThread& thread = history_.threads()[lives_.size()];
    Life& life = lives_.emplace_back();
    const auto index = static_cast<uint32_t>(lives_.size() - 1);
    const auto [at, is_first] = holders_.try_emplace(thread.tid, Holder{index, thread.start_ns});
    if (!is_first) {
      const uint64_t since_ns = std::max(now_ns, at->second.start_ns + 1);
      at->second = {index, thread.start_ns ? thread.start_ns : since_ns};
      ended_sums_[thread.tid] = {.first_life = index};
    }
    life.start_ns = at->second.start_ns;
    life.before.syscall_nr = life.row.syscall_nr = -1;
    life.sched.record = {TS_RECORD_SCHED, sizeof(life.sched), 0};
    life.sched.since_ns = thread.first_ns;
    life.sched.last_preemptor = life.sched.last_waker = TS_PEERS;
  }
}

void Replay::touch(uint32_t index) {
  if (index != kNobody) lives_[index].touched = true;
}

void Replay::event(const ts_event& event) {
  switch (event.kind) {
    case TS_EVENT_SWITCH:
      return on_switch(reinterpret_cast<const ts_event_switch&>(event));
    case TS_EVENT_WAKING:
    case TS_EVENT_WAKE_NEW:
      return on_wake(reinterpret_cast<const ts_event_wake&>(event));
    case TS_EVENT_FORK:
      return on_fork(reinterpret_cast<const ts_event_identity&>(event));
    case TS_EVENT_EXEC:
      return on_exec(reinterpret_cast<const ts_event_identity&>(event));
    case TS_EVENT_LOST:
      // Who ran on that core is lost with them, and isn't told by the record: all are looked at.
      for (Life& life : lives_) life.touched = true;
      // Other recorders don't say how many.
      lost_ += std::max<uint64_t>(history_.info().has_waits ? 0 : 1,
                                  reinterpret_cast<const ts_event_lost&>(event).records);
      break;
    default:
      break;
  }
  const uint32_t before = history_.find(event.tid);
  history_.event(event);
  add_new_lives(event.time_ns);
  touch(before);
  touch(history_.find(event.tid));
}

void Replay::on_switch(const ts_event_switch& record) {
  // Whoever leaves for good is not to be found afterwards.
  const uint32_t before = history_.find(record.prev_tid);
  history_.event(record.event);
  add_new_lives(record.event.time_ns);
  const uint32_t leaver = before != kNobody ? before : history_.find(record.prev_tid);
  touch(record.event.tid == 0 ? kNobody : history_.find(record.event.tid));
  if (leaver == kNobody || record.prev_tid == 0) return;
  Life& life = lives_[leaver];
  life.touched = true;
  life.letter = letter_of(record.prev_state);
  ended_ += life.letter == 'X';
  if (record.prev_state & TS_LEAVING_INVOLUNTARY) count_preemptor(life, record.event.tid);
}

void Replay::on_wake(const ts_event_wake& record) {
  history_.event(record.event);
  add_new_lives(record.event.time_ns);
  const uint32_t index = history_.find(record.event.tid);
  if (index == kNobody) return;
  lives_[index].touched = true;
  count_waker(lives_[index], record);
}

void Replay::on_fork(const ts_event_identity& record) {
  const uint32_t before = history_.find(record.event.tid);
  history_.event(record.event);
  add_new_lives(record.event.time_ns);
  const uint32_t index = history_.find(record.event.tid);
  touch(before);
  touch(index);
  if (index == kNobody || index == before) return;
  ++forked_;
  Life& life = lives_[index];
  life.introduced = true;
  // Until its first slice it has the parent's scheduling, which it was made with.
  if (const uint32_t parent = history_.find(record.parent_tid); parent != kNobody) {
    life.before.policy = life.row.policy = lives_[parent].row.policy;
    life.before.cgroup_id = life.row.cgroup_id = lives_[parent].row.cgroup_id;
  }
}

// A thread other than the first may take its number by exec, and its row goes on with that thread's
// totals, as the kernel's does: the first one leaves its own at once.
void Replay::on_exec(const ts_event_identity& record) {
  const uint32_t tid = record.event.tid;
  history_.event(record.event);
  add_new_lives(record.event.time_ns);
  const uint32_t now = history_.find(tid);
  touch(now);
  const auto holder = holders_.find(tid);
  if (now == kNobody || holder == holders_.end()) return;
  const uint32_t first = std::exchange(holder->second.life, now);
  if (first == now || !is_shown(first)) return;
  write_totals(first, history_.doing(first, record.event.time_ns));
  bury(first);
}

// It has no row any more. What its last one has is its process's.
void Replay::bury(uint32_t index) {
  const ts_thread_row& row = lives_[index].row;
  lives_[index].buried = true;
  EndedSums& sums = ended_sums_[row.tgid];
  if (index < sums.first_life) return;
  sums.cpu_ns += row.cpu_ns;
  sums.nvcsw += row.nvcsw;
  sums.nivcsw += row.nivcsw;
}

void Replay::name_peer(ts_peer& peer, uint32_t tid) const {
  peer.tid = tid == TS_TID_OUTSIDE ? 0 : tid;
  const uint32_t index = tid == 0 ? kNobody : history_.find(tid);
  const std::string name = tid == 0           ? "idle"
                           : index == kNobody ? "?"
                                              : history_.threads()[index].comm;
  std::memset(peer.comm, 0, sizeof(peer.comm));
  std::memcpy(peer.comm, name.data(), std::min(name.size(), sizeof(peer.comm) - 1));
}

void Replay::count_preemptor(Life& life, uint32_t tid) {
  const uint32_t slot = count_peer(life.sched.preemptors, tid, TS_CONTEXT_TASK);
  life.sched.last_preemptor = slot;
  if (life.sched.preemptors[slot].comm[0] == 0) name_peer(life.sched.preemptors[slot], tid);
}

// In an interrupt, the thread that it hit is not the waker.
void Replay::count_waker(Life& life, const ts_event_wake& record) {
  const bool by_thread = record.context == TS_CONTEXT_TASK;
  const uint32_t slot =
      count_peer(life.sched.wakers, by_thread ? record.waker_tid : 0, record.context);
  life.sched.last_waker = slot;
  ts_peer& peer = life.sched.wakers[slot];
  if (by_thread && peer.comm[0] == 0) name_peer(peer, record.waker_tid);
}

}  // namespace timeslice::model
