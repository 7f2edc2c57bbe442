// SPDX-License-Identifier: MIT
#include "trace/people.h"

#include <algorithm>

#include "base/failure.h"
#include "trace/bundle_values.h"
#include "trace/fields.h"
#include "trace/message.h"
#include "trace/tables.h"

namespace timeslice::trace {

namespace {

Header header_of(std::string_view message) {
  Header header;
  header.recorder = "timeslice";
  take_fields(message, header, table::kHeader);
  if (header.version > kVersion)
    throw Failure("the recording has format version " + std::to_string(header.version) +
                  "; this timeslice reads versions up to " + std::to_string(kVersion));
  return header;
}

ts_thread_row row_of(std::string_view message) {
  ts_thread_row row{};
  row.record = {TS_RECORD_THREAD, sizeof(row), 0};
  row.state = '?';
  row.cpu = -1;
  row.syscall_nr = -1;
  take_fields(message, row, table::kRow);
  return row;
}

RoleNote role_of(std::string_view message) {
  RoleNote role;
  take_fields(message, role, table::kRole);
  return role;
}

RuntimeNote runtime_of(std::string_view message) {
  RuntimeNote note;
  take_fields(message, note, table::kRuntime);
  return note;
}

Closing closing_of(std::string_view message) {
  Closing closing;
  take_fields(message, closing, table::kClosing);
  return closing;
}

// Each of one table only.
template <typename Note, typename Table>
Note note_of(std::string_view message, const Table& table) {
  Note note;
  take_fields(message, note, table);
  return note;
}

// Calls `take` with each part of the message that has this number.
template <typename Number, typename Take>
void each_part(std::string_view message, Number number, Take take) {
  Fields<Number> fields(message);
  while (fields.next()) {
    if (fields.tag() == number)
      take(fields.get_view());
    else
      fields.skip();
  }
}

LoopFunctionNote loop_function_of(std::string_view message, People& people) {
  auto note = note_of<LoopFunctionNote>(message, table::kLoopFunction);
  each_part(message, field::LoopFunction::frame,
            [&](std::string_view part) { note.frame = note_of<FrameNote>(part, table::kFrame); });
  each_part(message, field::LoopFunction::stack, [&](std::string_view part) {
    if (++people.frames > most_loop_notes(people.bytes)) return;
    note.stack.push_back(note_of<FrameNote>(part, table::kFrame));
  });
  return note;
}

LoopBlockNote loop_block_of(std::string_view message, People& people) {
  auto note = note_of<LoopBlockNote>(message, table::kLoopBlock);
  each_part(message, field::LoopBlock::function, [&](std::string_view part) {
    if (++people.frames > most_loop_notes(people.bytes)) return;
    note.functions.push_back(loop_function_of(part, people));
  });
  return note;
}

template <typename Note>
void add_note(std::vector<Note>& notes, Note note, uint64_t bytes) {
  if (notes.size() >= most_loop_notes(bytes))
    throw Failure(
        "the recording has more than " + std::to_string(most_loop_notes(bytes)) +
        " notes of event loops or rings, which is too many for its size; it is not loaded");
  notes.push_back(std::move(note));
}

// A command line's first word may be a path; what the kernel calls the thread is its end. A kernel
// thread stands there by its own name, "kworker/0:1", and some processes by what they wrote there
// themselves, "sshd: root@pts/0".
std::string_view program_of(std::string_view command) {
  if (command.empty() || (command[0] != '/' && command[0] != '.')) return command;
  const std::string_view path = command.substr(0, command.find(' '));
  return path.substr(path.find_last_of('/') + 1);
}

template <typename Row>
void add(std::vector<Row>& rows, Row row, uint64_t most) {
  if (rows.size() >= most)
    throw Failure("the recording has more than " + std::to_string(most) +
                  " thread rows, which is too many for its size; it is not loaded");
  rows.push_back(std::move(row));
}

// Names are short, and other recorders tell them again and again.
uint64_t most_names(const People& people) { return 65536 + people.bytes / 8; }

ts_thread_row named_row(uint32_t tid, uint32_t tgid, uint32_t ppid, std::string_view name) {
  ts_thread_row row = row_of({});
  row.tid = tid;
  row.tgid = tgid;
  row.ppid = ppid;
  copy_comm(row.comm, name);
  return row;
}

void take_tree_process(std::string_view message, People& people) {
  uint32_t pid = 0, ppid = 0;
  std::string name;
  Fields<field::Process> fields(message);
  while (fields.next()) {
    if (fields.tag() == field::Process::pid)
      pid = static_cast<uint32_t>(fields.get_int32());
    else if (fields.tag() == field::Process::ppid)
      ppid = static_cast<uint32_t>(fields.get_int32());
    else if (fields.tag() == field::Process::cmdline && name.empty())
      name = fields.get_string();
    else
      fields.skip();
  }
  add(people.tree, named_row(pid, pid, ppid, program_of(name)), most_names(people));
}

void take_tree_thread(std::string_view message, People& people) {
  uint32_t tid = 0, tgid = 0;
  std::string name;
  Fields<field::Thread> fields(message);
  while (fields.next()) {
    if (fields.tag() == field::Thread::tid)
      tid = static_cast<uint32_t>(fields.get_int32());
    else if (fields.tag() == field::Thread::tgid)
      tgid = static_cast<uint32_t>(fields.get_int32());
    else if (fields.tag() == field::Thread::name)
      name = fields.get_string();
    else
      fields.skip();
  }
  add(people.tree, named_row(tid, tgid, 0, name), most_names(people));
}

void take_loop_part(field::Ours tag, std::string_view part, People& people) {
  LoopNotes& loops = people.loops;
  switch (tag) {
    case field::Ours::loop:
      add_note(loops.loops, note_of<LoopNote>(part, table::kLoop), people.bytes);
      return;
    case field::Ours::loop_process:
      add_note(loops.processes, note_of<LoopProcessNote>(part, table::kLoopProcess), people.bytes);
      return;
    case field::Ours::loop_stretch:
      add_note(loops.stretches, note_of<LoopStretchNote>(part, table::kLoopStretch), people.bytes);
      return;
    case field::Ours::loop_block:
      add_note(loops.blocks, loop_block_of(part, people), people.bytes);
      return;
    case field::Ours::pool_stretch:
      add_note(loops.pools, note_of<PoolStretchNote>(part, table::kPoolStretch), people.bytes);
      return;
    case field::Ours::loop_trouble:
      add_note(loops.troubles, note_of<LoopTroubleNote>(part, table::kLoopTrouble), people.bytes);
      return;
    default:
      return;
  }
}

RingOpNote ring_op_of(std::string_view message) {
  auto note = note_of<RingOpNote>(message, table::kRingOp);
  for (auto* list : {&note.latency_buckets, &note.latency_counts})
    if (list->size() > TS_WAIT_BUCKETS) *list = {};
  return note;
}

RingStretchNote ring_stretch_of(std::string_view message, People& people) {
  auto note = note_of<RingStretchNote>(message, table::kRingStretch);
  each_part(message, field::RingStretch::op, [&](std::string_view part) {
    if (++people.ring_ops <= most_loop_notes(people.bytes)) note.ops.push_back(ring_op_of(part));
  });
  return note;
}

void take_ring_part(field::Ours tag, std::string_view part, People& people) {
  UringNotes& rings = people.rings;
  switch (tag) {
    case field::Ours::ring:
      add_note(rings.rings, note_of<RingNote>(part, table::kRing), people.bytes);
      return;
    case field::Ours::ring_stretch:
      add_note(rings.stretches, ring_stretch_of(part, people), people.bytes);
      return;
    case field::Ours::ring_threads:
      add_note(rings.threads, note_of<RingThreadsNote>(part, table::kRingThreads), people.bytes);
      return;
    case field::Ours::ring_trust:
      add_note(rings.trust, note_of<RingTrustNote>(part, table::kRingTrust), people.bytes);
      return;
    case field::Ours::ring_trouble:
      add_note(rings.troubles, std::string(part), people.bytes);
      return;
    default:
      return;
  }
}

}  // namespace

void take_ours(std::string_view message, People& people) {
  Fields<field::Ours> fields(message);
  while (fields.next()) {
    if (!fields.is_bytes()) {
      fields.skip();
      continue;
    }
    const auto tag = fields.tag();  // gone once the field is read
    const std::string_view part = fields.get_view();
    switch (tag) {
      case field::Ours::header:
        people.another = people.has_header || people.has_events;
        if (people.another) return;
        people.header = header_of(part);
        people.has_header = true;
        break;
      case field::Ours::opening:
        add(people.opening, row_of(part), most_threads(people.bytes));
        break;
      case field::Ours::closing_row:
        add(people.closing_rows, row_of(part), most_threads(people.bytes));
        break;
      case field::Ours::role:
        add(people.roles, role_of(part), most_threads(people.bytes));
        break;
      case field::Ours::runtime:
        add(people.runtimes, runtime_of(part), most_threads(people.bytes));
        break;
      case field::Ours::closing:
        people.closing = closing_of(part);
        people.has_closing = true;
        break;
      default:
        take_loop_part(tag, part, people);
        take_ring_part(tag, part, people);
    }
  }
}

void take_clocks(std::string_view message, People& people) {
  if (people.boottime_ns) return;  // the first one counts
  Fields<field::Clocks> clocks(message);
  while (clocks.next()) {
    if (clocks.tag() != field::Clocks::clock) {
      clocks.skip();
      continue;
    }
    uint32_t id = 0;
    uint64_t now_ns = 0;
    Fields<field::Clock> fields(clocks.get_view());
    while (fields.next()) {
      if (fields.tag() == field::Clock::id)
        id = fields.get_uint32();
      else if (fields.tag() == field::Clock::timestamp)
        now_ns = fields.get_uint64();
      else
        fields.skip();
    }
    if (id == field::kBoottime) people.boottime_ns = now_ns;
    if (id == field::kMonotonic) people.monotonic_ns = now_ns;
    if (id == field::kRealtime) people.realtime_ns = now_ns;
  }
}

void take_system(std::string_view message, People& people) {
  if (people.has_header) return;  // which it comes before
  Fields<field::SystemInfo> info(message);
  while (info.next()) {
    if (info.tag() != field::SystemInfo::utsname) {
      info.skip();
      continue;
    }
    Fields<field::Utsname> fields(info.get_view());
    while (fields.next()) {
      if (fields.tag() == field::Utsname::sysname)
        people.header.system = fields.get_string();
      else if (fields.tag() == field::Utsname::release)
        people.header.release = fields.get_string();
      else if (fields.tag() == field::Utsname::machine)
        people.header.machine = fields.get_string();
      else
        fields.skip();
    }
  }
}

void take_tree(std::string_view message, People& people) {
  Fields<field::ProcessTree> fields(message);
  while (fields.next()) {
    if (fields.tag() == field::ProcessTree::process)
      take_tree_process(fields.get_view(), people);
    else if (fields.tag() == field::ProcessTree::thread)
      take_tree_thread(fields.get_view(), people);
    else
      fields.skip();
  }
}

}  // namespace timeslice::trace
