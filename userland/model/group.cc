// SPDX-License-Identifier: MIT
#include "model/group.h"

#include <algorithm>

#include "model/rates.h"
#include "model/roles.h"
#include "model/sleep.h"

namespace timeslice::model {

namespace {

void add(Figure& sum, const Figure& part) {
  if (part) sum = sum.value_or(0) + *part;
}

// A stack never moves, so each thread is asked for once, as soon as its stack pointer is known.
void ask_for_stacks(Group& group, const LookUp& look_up) {
  if (!look_up.stacks || group.facts.runtime != TS_RUNTIME_NODE) return;
  std::vector<StackQuery> queries;
  for (Tracked* member : group.members) {
    const ts_thread_row& row = member->shown.row;
    if (member->stack_asked || row.user_sp == 0) continue;
    queries.push_back({row.tid, row.user_sp});
  }
  if (queries.empty()) return;
  const auto stacks = look_up.stacks(group.shown.tgid, queries);
  if (!stacks) return;
  for (Tracked* member : group.members)
    if (member->shown.row.user_sp != 0) member->stack_asked = true;
  for (const ts_stack_facts& stack : *stacks)
    for (Tracked* member : group.members)
      if (member->shown.row.tid == stack.tid) {
        member->stack_bytes = stack.stack_bytes;
        member->start = stack.start;
      }
}

void ask_for_facts(Group& group, const LookUp& look_up) {
  if (!look_up.process || !wants_facts(group)) return;
  const auto facts = look_up.process(group.shown.tgid);
  if (!facts) return;
  if (!group.ask) --group.tries_left;
  group.ask = false;
  group.facts = *facts;
  for (Tracked* member : group.members)
    member->shown.sleeps_in = sleeps_in(member->shown.row, &group.facts);
}

void take_known_roles(Group& group, const LookUp& look_up) {
  if (!look_up.role) return;
  for (Tracked* member : group.members) {
    const ts_thread_row& row = member->shown.row;
    const Role known = look_up.role(row.tid, row.start_ns);
    if (known.confidence > member->shown.role.confidence) member->shown.role = known;
  }
}

// Ended threads' part: of the interval, and of the totals since the process began. Of a process
// that is gone, nobody can tell.
void add_ended(Process& process, EndedSums& sums, Figure interval_s) {
  const auto rate = [&](EndedSum& sum, double scale) {
    const auto unseen = static_cast<double>(sum.settle());
    const bool known = sum.known() && interval_s && !process.ended;
    return known ? Figure(unseen * scale / *interval_s) : std::nullopt;
  };
  process.ended_cpu_pct = rate(sums.cpu_ns, 100 / kNsPerS);
  process.ended_nvcsw_per_s = rate(sums.nvcsw, 1);
  process.ended_nivcsw_per_s = rate(sums.nivcsw, 1);
  add(process.cpu_pct, process.ended_cpu_pct);
  add(process.nvcsw_per_s, process.ended_nvcsw_per_s);
  add(process.nivcsw_per_s, process.ended_nivcsw_per_s);
  if (process.nvcsw) *process.nvcsw += sums.nvcsw.total();
  if (process.nivcsw) *process.nivcsw += sums.nivcsw.total();
}

// Whose name the process has: its first thread's. A recording may not tell of that one; then the
// lowest number's, so that a moment looks the same whatever was seen before it.
const Tracked* namesake(const Group& group) {
  const auto rank = [&](const Tracked* member) {
    const uint32_t tid = member->shown.row.tid;
    return tid == group.shown.tgid ? 0 : tid;
  };
  const std::vector<Tracked*>& from = group.members.empty() ? group.ended : group.members;
  const auto found =
      std::min_element(from.begin(), from.end(),
                       [&](const Tracked* a, const Tracked* b) { return rank(a) < rank(b); });
  return found == from.end() ? nullptr : *found;
}

void tell_runtime(Group& group, const LookUp& look_up) {
  Process& process = group.shown;
  if (!look_up.runtime) {
    process.runtime = runtime_name(group.facts.runtime);
    return;
  }
  uint64_t oldest_ns = UINT64_MAX;
  for (const Tracked* member : group.members)
    oldest_ns = std::min<uint64_t>(oldest_ns, member->shown.row.start_ns);
  process.runtime = look_up.runtime(process.tgid, oldest_ns);
}

}  // namespace

void sum_up(Group& group, Figure interval_s) {
  Process& process = group.shown;
  process.threads.clear();
  process.thread_count = static_cast<uint32_t>(group.members.size());
  process.ended = group.members.empty();
  process.cpu_pct = process.nvcsw_per_s = process.nivcsw_per_s = std::nullopt;
  process.wait_ms_per_s = process.migrations_per_s = std::nullopt;
  process.nvcsw.reset();
  process.nivcsw.reset();
  group.have = 0;
  group.missed = group.unseeded = 0;
  for (Tracked* member : group.ended) process.threads.push_back(&member->shown);
  for (const Tracked* member : group.members) {
    const Thread& thread = member->shown;
    process.threads.push_back(&thread);
    group.have |= thread.row.record.have;
    group.missed += thread.sched ? thread.sched->missed + thread.sched->missed_waits : 0;
    group.unseeded += thread.sched ? 0 : 1;
    add(process.cpu_pct, thread.cpu_pct);
    add(process.nvcsw_per_s, thread.nvcsw_per_s);
    add(process.nivcsw_per_s, thread.nivcsw_per_s);
    add(process.wait_ms_per_s, thread.wait_ms_per_s);
    add(process.migrations_per_s, thread.migrations_per_s);
    if (thread.has(TS_HAVE_SWITCHES)) {
      process.nvcsw = process.nvcsw.value_or(0) + thread.row.nvcsw;
      process.nivcsw = process.nivcsw.value_or(0) + thread.row.nivcsw;
    }
    process.kernel = thread.row.flags & TS_THREAD_KERNEL;
  }
  add_ended(process, group.ended_sums, interval_s);
  if (const Tracked* named = namesake(group); named && process.comm != named->shown.row.comm)
    process.comm = named->shown.row.comm;
}

bool wants_facts(const Group& group) {
  if (!group.unsettled || group.members.empty()) return false;
  if (group.members.front()->shown.row.flags & TS_THREAD_KERNEL) return false;
  const bool starting = group.facts.runtime == TS_RUNTIME_NODE && group.facts.loop_epoll_fd < 0;
  return group.ask || (starting && group.tries_left > 0);
}

void learn(Group& group, const LookUp& look_up, uint64_t pass) {
  if (!group.unsettled || group.members.empty()) return;
  ask_for_facts(group, look_up);
  ask_for_stacks(group, look_up);
  take_known_roles(group, look_up);
  tell_runtime(group, look_up);

  std::vector<RoleSubject> subjects;
  for (Tracked* member : group.members) {
    member->shown.changed_at = pass;
    subjects.push_back(
        {&member->shown.row, member->stack_bytes, member->start, &member->shown.role});
  }
  tell_roles(subjects, &group.facts);
  const bool unanswered = look_up.process && group.ask && wants_facts(group);
  group.unsettled =
      unanswered || (group.facts.runtime == TS_RUNTIME_NODE &&
                     std::any_of(subjects.begin(), subjects.end(), [](const RoleSubject& subject) {
                       return subject.role->confidence < kSettled;
                     }));
}

}  // namespace timeslice::model
