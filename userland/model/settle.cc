// SPDX-License-Identifier: MIT
#include "model/settle.h"

#include <algorithm>
#include <cstring>
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
};

// How far the kernel's counter is ahead of the row's, by its low bits; negative: the row is ahead.
int ahead(uint8_t low_bits, uint64_t of_row) {
  return static_cast<int8_t>(low_bits - static_cast<uint8_t>(of_row));
}

class Settling {
 public:
  Settling(std::span<const ts_thread_row* const> threads, uint64_t begin_ns, uint64_t end_ns)
      : end_ns_(end_ns) {
    for (const ts_thread_row* row : threads) entries_[row->tid] = {*row, begin_ns, 0, false};
  }

  // A switch-out that the row has counted tells that all before it is in the row as well. Where the
  // row shows the thread on a core, so is its arrival there, unless it has left uncounted before.
  void note_counted(const std::vector<const ts_event*>& events) {
    std::unordered_set<uint32_t> left;
    for (const ts_event* event : events) {
      if (event->kind != TS_EVENT_SWITCH || event->time_ns > end_ns_) continue;
      const auto& record = reinterpret_cast<const ts_event_switch&>(*event);
      if (Entry* const prev = find(record.prev_tid)) {
        if (is_ahead(*prev, record))
          left.insert(record.prev_tid);
        else
          prev->counted_ns = std::max<uint64_t>(prev->counted_ns, event->time_ns);
      }
      Entry* const next = find(event->tid);
      if (next && (next->row.flags & TS_THREAD_ON_CPU) && next->row.cpu == event->cpu &&
          !left.count(event->tid))
        next->counted_ns = std::max<uint64_t>(next->counted_ns, event->time_ns);
    }
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
    for (auto& [tid, entry] : entries_) {
      if (entry.ended) continue;
      if (entry.ready_ns) entry.row.pending_wait_ns = moment_ns - entry.ready_ns;
      rows.push_back(entry.row);
    }
    std::sort(rows.begin(), rows.end(), [](const ts_thread_row& a, const ts_thread_row& b) {
      return a.tgid != b.tgid ? a.tgid < b.tgid : a.tid < b.tid;
    });
    return rows;
  }

 private:
  Entry* find(uint32_t tid) {
    const auto found = entries_.find(tid);
    return found == entries_.end() ? nullptr : &found->second;
  }

  static bool is_ahead(const Entry& entry, const ts_event_switch& record) {
    return ahead(record.prev_nvcsw, entry.row.nvcsw) > 0 ||
           ahead(record.prev_nivcsw, entry.row.nivcsw) > 0;
  }

  void leaves(const ts_event_switch& record) {
    Entry* const entry = find(record.prev_tid);
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
    Entry* const entry = find(record.event.tid);
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
    Entry* const entry = find(event.tid);
    if (!entry || event.time_ns <= entry->counted_ns || entry->row.state == 'R') return;
    entry->row.state = 'R';
    entry->ready_ns = event.time_ns;
  }

  // The counter of migrations has no low bits in the record: within the pass, the core tells.
  void migrates(const ts_event_migrate& record) {
    Entry* const entry = find(record.event.tid);
    if (!entry) return;
    ts_thread_row& row = entry->row;
    if (record.event.time_ns <= end_ns_ && row.cpu != record.from_cpu) return;
    ++row.migrations;
    row.cpu = record.to_cpu;
    const auto part =
        static_cast<int32_t>(record.run_delay_low - static_cast<uint32_t>(row.run_delay_ns));
    if (part > 0) row.run_delay_ns += static_cast<uint64_t>(part);
  }

  void identify(const ts_event_identity& record) {
    Entry& entry = entries_[record.event.tid];
    ts_thread_row& row = entry.row;
    if (record.event.kind == TS_EVENT_FORK && row.start_ns != record.start_ns) {
      entry = {};
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
  std::unordered_map<uint32_t, Entry> entries_;
};

}  // namespace

std::vector<ts_thread_row> settle(std::span<const ts_thread_row* const> threads, uint64_t begin_ns,
                                  uint64_t end_ns, uint64_t moment_ns, const Meanwhile& meanwhile) {
  std::vector<const ts_event*> events;
  for (const ts_event* event : meanwhile.sorted())
    if (event->time_ns >= begin_ns && event->time_ns <= moment_ns) events.push_back(event);
  Settling settling(threads, begin_ns, end_ns);
  settling.note_counted(events);
  for (const ts_event* event : events) settling.apply(*event);
  return settling.rows(moment_ns);
}

std::vector<uint32_t> idle_cores(std::span<const ts_core_row> cores,
                                 std::span<const ts_thread_row> settled, uint64_t begin_ns,
                                 uint64_t moment_ns, const Meanwhile& meanwhile) {
  std::map<uint32_t, bool> idle;
  for (const ts_core_row& core : cores)
    idle[core.cpu] = (core.record.have & TS_HAVE_CORE_QUEUE) != 0 && core.queue_len == 0;
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
