// SPDX-License-Identifier: MIT
#include "model/settle.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "model/state_letter.h"

namespace timeslice::model {

void Meanwhile::add(const ts_event& event) {
  const size_t at = bytes_.size();
  const auto* const from = reinterpret_cast<const char*>(&event);
  bytes_.insert(bytes_.end(), from, from + ts_event_size(event.kind));
  at_.push_back(at);
}

std::vector<const ts_event*> Meanwhile::sorted() const {
  std::vector<const ts_event*> events;
  events.reserve(at_.size());
  for (const size_t at : at_) events.push_back(reinterpret_cast<const ts_event*>(&bytes_[at]));
  std::stable_sort(events.begin(), events.end(),
                   [](const ts_event* a, const ts_event* b) { return a->time_ns < b->time_ns; });
  return events;
}

namespace {

struct Entry {
  ts_thread_row row{};
  uint64_t counted_ns = 0;  // records up to here are in the row already
  uint64_t ready_ns = 0;    // since when it waits for a core, where a record told
  bool ended = false;
  // Whose row it is isn't known: its process's first thread changed meanwhile.
  bool doubtful = false;
};

// How far the kernel's counter is ahead of the row's, by its low bits; negative: the row is ahead.
int ahead(uint8_t low_bits, uint64_t of_row) {
  return static_cast<int8_t>(low_bits - static_cast<uint8_t>(of_row));
}

// Whose row is meant by a number, while events are gone through in the order of time? A thread that
// calls exec without being its process's leader is given the leader's number; the leader may still
// have to leave its core for the last time, under that number.
class Numbers {
 public:
  explicit Numbers(std::deque<Entry>& entries) : entries_(entries) {
    for (Entry& entry : entries) by_tid_[entry.row.tid] = &entry;
  }

  [[nodiscard]] Entry* find(uint32_t tid) const {
    const auto found = by_tid_.find(tid);
    return found == by_tid_.end() ? nullptr : found->second;
  }
  Entry& make(uint32_t tid) { return *(by_tid_[tid] = &entries_.emplace_back()); }

  // Who leaves its core by `record`; null: nobody that has a row.
  Entry* leaver(const ts_event_switch& record) {
    const bool dies = letter_of(record.prev_state) == 'X';
    if (dies && leaders_.erase(record.prev_tid) > 0) return nullptr;
    if (dies) gone_.insert(record.prev_tid);
    return find(record.prev_tid);
  }

  // At a birth or an exec. Returns the row that had the number until now, if it loses it.
  Entry* follow(const ts_event_identity& record) {
    const uint32_t tid = record.event.tid;
    Entry* const owner = find(tid);
    if (record.event.kind == TS_EVENT_FORK) {
      if (!owner || owner->row.start_ns == record.start_ns) return nullptr;
      by_tid_.erase(tid);
      return owner;
    }
    if (!changes_number(record)) return nullptr;
    Entry* const thread = find(record.parent_tid);
    const bool leader_stays = owner && gone_.erase(tid) == 0 && !has_left(owner->row);
    if (leader_stays) leaders_.insert(tid);
    if (!thread) {
      doubt(record);
      return nullptr;
    }
    by_tid_[tid] = thread;
    by_tid_.erase(record.parent_tid);
    return owner;
  }

  // The row under the new number may be the leader's, or of the thread that has it now.
  void doubt(const ts_event_identity& record) {
    if (!changes_number(record) || find(record.parent_tid)) return;
    Entry* const owner = find(record.event.tid);
    if (!owner) return;
    owner->doubtful = true;
    owner->ended = false;
  }

 private:
  static bool changes_number(const ts_event_identity& record) {
    return record.event.kind == TS_EVENT_EXEC && record.parent_tid != 0 &&
           record.parent_tid != record.event.tid;
  }
  static bool has_left(const ts_thread_row& row) {
    return (row.state == 'Z' || row.state == 'X') && !(row.flags & TS_THREAD_ON_CPU);
  }

  std::deque<Entry>& entries_;
  std::unordered_map<uint32_t, Entry*> by_tid_;
  std::unordered_set<uint32_t> gone_;     // numbers whose last switch has been told
  std::unordered_set<uint32_t> leaders_;  // who have lost their number, and are still to leave
};

class Settling {
 public:
  Settling(std::span<const ts_thread_row* const> threads, uint64_t begin_ns, uint64_t end_ns)
      : end_ns_(end_ns), entries_(entries_of(threads, begin_ns)), numbers_(entries_) {}

  // A switch-out that the row has counted tells that all before it is in the row as well. Where the
  // row shows the thread on a core, so is its arrival there, unless it has left uncounted before.
  void note_counted(const std::vector<const ts_event*>& events) {
    Numbers numbers = numbers_;  // they will be gone through once more
    std::unordered_set<const Entry*> left;
    for (const ts_event* event : events) {
      if (event->kind == TS_EVENT_FORK || event->kind == TS_EVENT_EXEC)
        numbers.follow(reinterpret_cast<const ts_event_identity&>(*event));
      if (event->kind != TS_EVENT_SWITCH || event->time_ns > end_ns_) continue;
      const auto& record = reinterpret_cast<const ts_event_switch&>(*event);
      if (Entry* const prev = numbers.leaver(record)) {
        if (is_ahead(*prev, record))
          left.insert(prev);
        else
          prev->counted_ns = std::max<uint64_t>(prev->counted_ns, event->time_ns);
      }
      Entry* const next = numbers.find(event->tid);
      if (next && (next->row.flags & TS_THREAD_ON_CPU) && next->row.cpu == event->cpu &&
          !left.count(next))
        next->counted_ns = std::max<uint64_t>(next->counted_ns, event->time_ns);
    }
  }

  // Beyond the moment: an exec may be told a while after its thread has its new number.
  void doubt(const ts_event& event) {
    if (event.kind == TS_EVENT_EXEC)
      numbers_.doubt(reinterpret_cast<const ts_event_identity&>(event));
  }

  void apply(const ts_event& event) {
    switch (event.kind) {
      case TS_EVENT_SWITCH:
        leaves(reinterpret_cast<const ts_event_switch&>(event));
        arrives(reinterpret_cast<const ts_event_switch&>(event));
        break;
      case TS_EVENT_WAKING:
      case TS_EVENT_WAKE_NEW:
        wakes(event);
        break;
      case TS_EVENT_MIGRATE:
        migrates(reinterpret_cast<const ts_event_migrate&>(event));
        break;
      case TS_EVENT_FORK:
      case TS_EVENT_EXEC:
      case TS_EVENT_RENAME:
        identify(reinterpret_cast<const ts_event_identity&>(event));
        break;
      default:
        break;
    }
  }

  [[nodiscard]] std::vector<ts_thread_row> rows(uint64_t moment_ns) {
    std::vector<ts_thread_row> rows;
    rows.reserve(entries_.size());
    for (Entry& entry : entries_) {
      if (entry.ended) continue;
      if (entry.doubtful) entry.row = by_name_only(entry.row);
      if (entry.ready_ns) entry.row.pending_wait_ns = moment_ns - entry.ready_ns;
      rows.push_back(entry.row);
    }
    std::sort(rows.begin(), rows.end(), [](const ts_thread_row& a, const ts_thread_row& b) {
      return a.tgid != b.tgid ? a.tgid < b.tgid : a.tid < b.tid;
    });
    return rows;
  }

 private:
  // Of a number that two rows have, the last one stands.
  static std::deque<Entry> entries_of(std::span<const ts_thread_row* const> threads,
                                      uint64_t begin_ns) {
    std::deque<Entry> entries;
    std::unordered_map<uint32_t, Entry*> by_tid;
    for (const ts_thread_row* row : threads) {
      Entry*& entry = by_tid[row->tid];
      if (!entry) entry = &entries.emplace_back();
      *entry = {.row = *row, .counted_ns = begin_ns};
    }
    return entries;
  }

  static ts_thread_row by_name_only(const ts_thread_row& known) {
    ts_thread_row row{};
    row.record = {TS_RECORD_THREAD, sizeof(row), 0};
    row.tid = known.tid;
    row.tgid = known.tgid;
    row.ppid = known.ppid;
    row.start_ns = known.start_ns;
    row.flags = known.flags & ~static_cast<uint32_t>(TS_THREAD_ON_CPU);
    row.cpu = row.syscall_nr = -1;
    std::memcpy(row.comm, known.comm, sizeof(row.comm));
    return row;
  }

  static bool is_ahead(const Entry& entry, const ts_event_switch& record) {
    return ahead(record.prev_nvcsw, entry.row.nvcsw) > 0 ||
           ahead(record.prev_nivcsw, entry.row.nivcsw) > 0;
  }

  void leaves(const ts_event_switch& record) {
    Entry* const entry = numbers_.leaver(record);
    if (!entry || !is_ahead(*entry, record)) return;
    ts_thread_row& row = entry->row;
    row.nvcsw += static_cast<uint64_t>(ahead(record.prev_nvcsw, row.nvcsw));
    row.nivcsw += static_cast<uint64_t>(ahead(record.prev_nivcsw, row.nivcsw));
    row.flags &= ~static_cast<uint32_t>(TS_THREAD_ON_CPU);
    row.state = letter_of(record.prev_state);
    entry->ready_ns = row.state == 'R' ? record.event.time_ns : 0;
    entry->ended = row.state == 'X';
  }

  void arrives(const ts_event_switch& record) {
    Entry* const entry = numbers_.find(record.event.tid);
    if (!entry || record.event.time_ns <= entry->counted_ns) return;
    ts_thread_row& row = entry->row;
    ++row.slices;
    if (record.wait_ns != TS_WAIT_UNKNOWN) row.run_delay_ns += record.wait_ns;
    row.flags |= TS_THREAD_ON_CPU;
    row.state = 'R';
    row.cpu = record.event.cpu;
    row.pending_wait_ns = 0;
    entry->ready_ns = 0;
  }

  void wakes(const ts_event& event) {
    Entry* const entry = numbers_.find(event.tid);
    if (!entry || event.time_ns <= entry->counted_ns || entry->row.state == 'R') return;
    entry->row.state = 'R';
    entry->ready_ns = event.time_ns;
  }

  // The counter of migrations has no low bits in the record: within the pass, the core tells.
  void migrates(const ts_event_migrate& record) {
    Entry* const entry = numbers_.find(record.event.tid);
    if (!entry) return;
    ts_thread_row& row = entry->row;
    if (record.event.time_ns <= end_ns_ && row.cpu != record.from_cpu) return;
    ++row.migrations;
    row.cpu = record.to_cpu;
    const auto part =
        static_cast<int32_t>(record.run_delay_low - static_cast<uint32_t>(row.run_delay_ns));
    if (part > 0) row.run_delay_ns += static_cast<__u64>(part);
  }

  void identify(const ts_event_identity& record) {
    if (Entry* const before = numbers_.follow(record)) before->ended = true;
    Entry* const known = numbers_.find(record.event.tid);
    Entry& entry = known ? *known : numbers_.make(record.event.tid);
    ts_thread_row& row = entry.row;
    if (record.event.kind == TS_EVENT_FORK && !known) {
      row.record = {TS_RECORD_THREAD, sizeof(row),
                    TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_WAIT | TS_HAVE_PENDING |
                        TS_HAVE_MIGRATIONS | TS_HAVE_ON_CPU | TS_HAVE_FLAGS};
      row.state = 'R';
      row.cpu = record.event.cpu;
      row.prio = record.event.prio - 100;
      row.syscall_nr = -1;
      entry.ready_ns = record.event.time_ns;
    }
    row.tid = record.event.tid;
    row.tgid = record.tgid;
    row.ppid = record.ppid;
    row.start_ns = record.start_ns;
    row.flags = (row.flags & TS_THREAD_ON_CPU) | record.flags;
    std::memcpy(row.comm, record.comm, sizeof(row.comm));
  }

  uint64_t end_ns_;
  std::deque<Entry> entries_;
  Numbers numbers_;
};

}  // namespace

std::vector<ts_thread_row> settle(std::span<const ts_thread_row* const> threads, uint64_t begin_ns,
                                  uint64_t end_ns, uint64_t moment_ns, const Meanwhile& meanwhile) {
  std::vector<const ts_event*> events, later;
  for (const ts_event* event : meanwhile.sorted())
    if (event->time_ns >= begin_ns) (event->time_ns <= moment_ns ? events : later).push_back(event);
  Settling settling(threads, begin_ns, end_ns);
  settling.note_counted(events);
  for (const ts_event* event : events) settling.apply(*event);
  for (const ts_event* event : later) settling.doubt(*event);
  return settling.rows(moment_ns);
}

// The kernel keeps times of those only; an offline one's queue is empty as well.
bool is_online(const ts_core_row& core) { return (core.record.have & TS_HAVE_CORE_BUSY) != 0; }

std::vector<uint32_t> idle_cores(std::span<const ts_core_row> cores,
                                 std::span<const ts_thread_row> settled, uint64_t begin_ns,
                                 uint64_t moment_ns, const Meanwhile& meanwhile) {
  std::map<uint32_t, bool> idle;
  for (const ts_core_row& core : cores)
    idle[core.cpu] =
        is_online(core) && (core.record.have & TS_HAVE_CORE_QUEUE) != 0 && core.queue_len == 0;
  for (const ts_event* event : meanwhile.sorted()) {
    if (event->time_ns < begin_ns || event->time_ns > moment_ns) continue;
    if (event->kind == TS_EVENT_SWITCH) idle[event->cpu] = event->tid == 0;
    if (event->kind == TS_EVENT_LOST) idle[event->cpu] = false;
  }
  for (const ts_thread_row& row : settled)
    if (row.flags & TS_THREAD_ON_CPU) idle[static_cast<uint32_t>(row.cpu)] = false;
  std::vector<uint32_t> numbers;
  for (const auto& [cpu, is_idle] : idle)
    if (is_idle) numbers.push_back(cpu);
  return numbers;
}

}  // namespace timeslice::model
