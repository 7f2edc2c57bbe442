// SPDX-License-Identifier: MIT
// Which number does each field of the file have? Those of Perfetto's trace format as far as we
// write or read them, and our own columns beside them. (Our own messages have tables: tables.h.)
#pragma once
#include <cstdint>

namespace timeslice::trace::field {

enum class Trace : uint32_t { packet = 1 };

enum class Packet : uint32_t {
  ftrace_events = 1,
  process_tree = 2,
  clock_snapshot = 6,
  timestamp = 8,
  sequence_id = 10,
  track_event = 11,
  system_info = 45,
  compressed_packets = 50,  // of a Trace in zlib's format
  track_descriptor = 60,
  ours = 7340,
};

enum class Clocks : uint32_t { clock = 1 };
enum class Clock : uint32_t { id = 1, timestamp = 2 };
constexpr uint32_t kRealtime = 1, kMonotonic = 3, kBoottime = 6;  // clock ids

enum class SystemInfo : uint32_t { utsname = 1 };
enum class Utsname : uint32_t { sysname = 1, version = 2, release = 3, machine = 4 };

enum class ProcessTree : uint32_t { process = 1, thread = 2 };
enum class Process : uint32_t { pid = 1, ppid = 2, cmdline = 3 };
enum class Thread : uint32_t { tid = 1, name = 2, tgid = 3 };

enum class Track : uint32_t { uuid = 1, name = 2, process = 3, parent_uuid = 5, counter = 8 };
enum class TrackProcess : uint32_t { pid = 1 };
enum class Counter : uint32_t { unit = 3 };
constexpr uint32_t kUnitCount = 2;
enum class TrackEvent : uint32_t {
  annotation = 4,
  type = 9,
  track_uuid = 11,
  category = 22,
  name = 23,
  double_value = 44,
};
constexpr uint32_t kSliceBegin = 1, kSliceEnd = 2, kCounterValue = 4;  // types
enum class Annotation : uint32_t { uint_value = 3, double_value = 5, string_value = 6, name = 10 };

enum class Bundle : uint32_t {
  cpu = 1,
  event = 2,
  lost_events = 3,
  compact_sched = 4,
  ours = 7340,
};

enum class Compact : uint32_t {  // all but intern_table are packed; timestamps are differences
  switch_timestamp = 1,
  switch_prev_state = 2,
  switch_next_pid = 3,
  switch_next_prio = 4,
  intern_table = 5,
  switch_next_comm_index = 6,
  waking_timestamp = 7,
  waking_pid = 8,
  waking_target_cpu = 9,
  waking_prio = 10,
  waking_comm_index = 11,
  waking_common_flags = 12,
};
constexpr uint32_t kFlagHardirq = 0x08, kFlagSoftirq = 0x10;  // of common_flags, as ftrace has them

enum class Event : uint32_t {
  timestamp = 1,
  pid = 2,
  sched_switch = 4,
  sched_wakeup = 17,
  sched_waking = 20,
  sched_wakeup_new = 114,
  task_newtask = 235,
  task_rename = 236,
  sched_process_exit = 238,
  sched_migrate_task = 491,
};
enum class Switch : uint32_t {
  prev_comm = 1,
  prev_pid = 2,
  prev_prio = 3,
  prev_state = 4,
  next_comm = 5,
  next_pid = 6,
  next_prio = 7,
};
enum class Wakeup : uint32_t { comm = 1, pid = 2, prio = 3, success = 4, target_cpu = 5 };
enum class Migrate : uint32_t { comm = 1, pid = 2, prio = 3, orig_cpu = 4, dest_cpu = 5 };
enum class Exit : uint32_t { comm = 1, pid = 2, tgid = 3, prio = 4 };
enum class NewTask : uint32_t { pid = 1, comm = 2, clone_flags = 3 };
enum class Rename : uint32_t { pid = 1, old_comm = 2, new_comm = 3 };

// ---- ours --------------------------------------------------------------------------------------

// What the compact form has no place for, beside it in a bundle. Columns are packed and belong to
// the columns of the same name there; indices are differences.
enum class Beside : uint32_t {
  switch_wait = 1,        // ns + 1; 0: not known
  switch_contrary = 2,    // indices: counted as the other kind than prev_state says
  switch_unclear = 3,     // indices: counted as no kind that we know
  switch_prev_index = 4,  // indices: somebody else left than had come before …
  switch_prev_tid = 5,    // … namely
  switch_filler = 6,      // indices: no switch; from here on the core isn't followed
  waking_new = 7,         // indices: the first of a thread's life
  waking_waker = 8,       // 0: who has the core; else its tid + 1. Absent: all 0
  waking_context = 9,     // enum ts_context. Absent: as common_flags say
  migrate_timestamp = 10,
  migrate_tid = 11,
  migrate_from = 12,
  migrate_to = 13,
  migrate_run_delay = 15,  // its low 32 bits
  event = 14,              // message Rare, in the order of time
};

enum class Ours : uint32_t {
  header = 1,
  opening = 2,
  closing_row = 3,
  role = 4,
  closing = 5,
  runtime = 6,
  loop = 7,
  loop_stretch = 8,
  loop_block = 9,
  pool_stretch = 10,
  loop_trouble = 11,
  loop_process = 12,
  ring = 20,
  ring_stretch = 21,
  ring_threads = 22,
  ring_trust = 23,
  ring_trouble = 24,  // a sentence
};

// What the tables have no place for: messages within messages.
enum class LoopBlock : uint32_t { function = 13 };
enum class LoopFunction : uint32_t { frame = 1, stack = 3 };
enum class RingStretch : uint32_t { op = 6 };

}  // namespace timeslice::trace::field
