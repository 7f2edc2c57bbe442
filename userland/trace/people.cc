// SPDX-License-Identifier: MIT
#include "trace/people.h"

#include <algorithm>
#include <cstring>

#include "base/failure.h"
#include "trace/fields.h"
#include "trace/message.h"

namespace timeslice::trace {

namespace {

void copy_comm(char (&to)[TS_COMM_SIZE], std::string_view from) {
  std::memset(to, 0, sizeof(to));
  from.copy(to, sizeof(to) - 1);
}

std::vector<uint32_t> numbers_of(Fields<field::Header>& fields) {
  const auto numbers = fields.get_packed_uint32();
  return {numbers.begin(), numbers.end()};
}

Header header_of(std::string_view message) {
  Header header;
  header.recorder = "timeslice";
  uint32_t version = 0;
  Fields<field::Header> fields(message);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Header::version:
        version = fields.get_uint32();
        break;
      case field::Header::begin_ns:
        header.begin_ns = fields.get_uint64();
        break;
      case field::Header::boot_offset_ns:
        header.boot_offset_ns = fields.get_uint64();
        break;
      case field::Header::realtime_ns:
        header.realtime_ns = fields.get_uint64();
        break;
      case field::Header::cores:
        header.cores = fields.get_uint32();
        break;
      case field::Header::filtered:
        header.filtered = fields.get_bool();
        break;
      case field::Header::tgid:
        header.tgids.push_back(fields.get_uint32());
        break;
      case field::Header::asked:
        header.asked = fields.get_string();
        break;
      case field::Header::recorder_tgid:
        header.recorder_tgid = fields.get_uint32();
        break;
      case field::Header::online:
        header.online = numbers_of(fields);
        break;
      case field::Header::idle:
        header.idle = numbers_of(fields);
        break;
      default:
        fields.skip();
    }
  }
  if (version > field::kVersion)
    throw Failure("the recording is of version " + std::to_string(version) +
                  ", and this timeslice reads up to " + std::to_string(field::kVersion));
  return header;
}

ts_thread_row row_of(std::string_view message) {
  ts_thread_row row{};
  row.record = {TS_RECORD_THREAD, sizeof(row), 0};
  row.state = '?';
  row.cpu = -1;
  row.syscall_nr = -1;
  Fields<field::Row> fields(message);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Row::tid:
        row.tid = fields.get_uint32();
        break;
      case field::Row::tgid:
        row.tgid = fields.get_uint32();
        break;
      case field::Row::ppid:
        row.ppid = fields.get_uint32();
        break;
      case field::Row::start_ns:
        row.start_ns = fields.get_uint64();
        break;
      case field::Row::comm:
        copy_comm(row.comm, fields.get_view());
        break;
      case field::Row::state:
        row.state = static_cast<char>(fields.get_uint32());
        break;
      case field::Row::cpu:
        row.cpu = fields.get_int32();
        break;
      case field::Row::prio:
        row.prio = fields.get_sint32();
        break;
      case field::Row::nice:
        row.nice = fields.get_sint32();
        break;
      case field::Row::policy:
        row.policy = fields.get_uint32();
        break;
      case field::Row::flags:
        row.flags = fields.get_uint32();
        break;
      case field::Row::have:
        row.record.have = fields.get_uint32();
        break;
      case field::Row::nvcsw:
        row.nvcsw = fields.get_uint64();
        break;
      case field::Row::nivcsw:
        row.nivcsw = fields.get_uint64();
        break;
      case field::Row::cpu_ns:
        row.cpu_ns = fields.get_uint64();
        break;
      case field::Row::run_delay_ns:
        row.run_delay_ns = fields.get_uint64();
        break;
      case field::Row::pending_wait_ns:
        row.pending_wait_ns = fields.get_uint64();
        break;
      case field::Row::slices:
        row.slices = fields.get_uint64();
        break;
      case field::Row::migrations:
        row.migrations = fields.get_uint64();
        break;
      case field::Row::syscall_nr:
        row.syscall_nr = fields.get_sint32();
        break;
      case field::Row::cgroup_id:
        row.cgroup_id = fields.get_uint64();
        break;
      default:
        fields.skip();
    }
  }
  return row;
}

RoleNote role_of(std::string_view message) {
  RoleNote role;
  Fields<field::Role> fields(message);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Role::tid:
        role.tid = fields.get_uint32();
        break;
      case field::Role::start_ns:
        role.start_ns = fields.get_uint64();
        break;
      case field::Role::name:
        role.name = fields.get_string();
        break;
      case field::Role::evidence:
        role.evidence = fields.get_string();
        break;
      case field::Role::confidence:
        role.confidence = fields.get_double();
        break;
      default:
        fields.skip();
    }
  }
  return role;
}

RuntimeNote runtime_of(std::string_view message) {
  RuntimeNote note;
  Fields<field::Runtime> fields(message);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Runtime::tgid:
        note.tgid = fields.get_uint32();
        break;
      case field::Runtime::start_ns:
        note.start_ns = fields.get_uint64();
        break;
      case field::Runtime::name:
        note.runtime = fields.get_string();
        break;
      default:
        fields.skip();
    }
  }
  return note;
}

Closing closing_of(std::string_view message) {
  Closing closing;
  Fields<field::Closing> fields(message);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Closing::end_ns:
        closing.end_ns = fields.get_uint64();
        break;
      case field::Closing::lost: {
        const auto lost = fields.get_packed_uint64();
        closing.lost.assign(lost.begin(), lost.end());
        break;
      }
      case field::Closing::filter_failures:
        closing.filter_failures = fields.get_uint64();
        break;
      case field::Closing::suspended_ns:
        closing.suspended_ns = fields.get_uint64();
        break;
      case field::Closing::recorder_cpu_ns:
        closing.recorder_cpu_ns = fields.get_uint64();
        break;
      case field::Closing::ended_by:
        closing.ended_by = fields.get_string();
        break;
      default:
        fields.skip();
    }
  }
  return closing;
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
                  " rows of threads, which is too many for its size: it is left alone");
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
