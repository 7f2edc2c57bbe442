// SPDX-License-Identifier: MIT
// What does a bundle say in Perfetto's plain form, an event a message? Other recorders use it for
// all that has no columns, or for everything.
#include "trace/bundle_reader.h"
#include "trace/bundle_values.h"
#include "trace/fields.h"
#include "trace/message.h"

namespace timeslice::trace {

void BundleReader::parse_plain(const char* data, size_t size) {
  uint64_t time_ns = 0;
  uint32_t pid = 0;
  Fields<field::Event> fields(data, size);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Event::timestamp:
        time_ns = fields.get_uint64() - offset_;
        continue;
      case field::Event::pid:
        pid = fields.get_uint32();
        continue;
      default:
        break;
    }
    if (!fields.is_bytes()) {
      fields.skip();
      continue;
    }
    const auto tag = fields.tag();  // gone once the field is read
    const auto view = fields.get_view();
    switch (tag) {
      case field::Event::sched_switch:
        parse_plain_switch(view.data(), view.size(), time_ns);
        break;
      case field::Event::sched_waking:
        parse_plain_wake(view.data(), view.size(), time_ns, pid, TS_EVENT_WAKING);
        break;
      case field::Event::sched_wakeup:
        // Told where the thread is queued, which may be another core than its waker's.
        if (foreign_.wakeups)
          parse_plain_wake(view.data(), view.size(), time_ns, 0, TS_EVENT_WAKING);
        else
          ++skipped_;
        break;
      case field::Event::sched_wakeup_new:
        parse_plain_wake(view.data(), view.size(), time_ns, pid, TS_EVENT_WAKE_NEW);
        break;
      case field::Event::sched_migrate_task:
        parse_plain_migrate(view.data(), view.size(), time_ns);
        break;
      case field::Event::sched_process_exit:
        parse_plain_exit(view.data(), view.size(), time_ns);
        break;
      case field::Event::task_newtask:
        parse_plain_identity(view.data(), view.size(), time_ns, pid, TS_EVENT_FORK);
        break;
      case field::Event::task_rename:
        parse_plain_identity(view.data(), view.size(), time_ns, pid, TS_EVENT_RENAME);
        break;
      default:
        ++skipped_;
    }
  }
}

void BundleReader::tell_plain_name(uint64_t time_ns, uint32_t tid, std::string_view comm) {
  if (foreign_.names && is_news(tid, comm)) rare_.push_back(name_event(time_ns, tid, comm));
}

void BundleReader::parse_plain_switch(const char* data, size_t size, uint64_t time_ns) {
  ts_any_event event{};
  event.head = {time_ns, 0, cpu_, TS_EVENT_SWITCH, 120};
  std::string_view prev_comm, next_comm;
  Fields<field::Switch> fields(data, size);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Switch::prev_comm:
        prev_comm = fields.get_view();
        break;
      case field::Switch::next_comm:
        next_comm = fields.get_view();
        break;
      case field::Switch::prev_pid:
        event.as_switch.prev_tid = static_cast<uint32_t>(fields.get_int32());
        break;
      case field::Switch::prev_state:
        event.as_switch.prev_state = with_kind(state_of(static_cast<uint64_t>(fields.get_int64())));
        break;
      case field::Switch::next_pid:
        event.head.tid = static_cast<uint32_t>(fields.get_int32());
        break;
      case field::Switch::next_prio:
        event.head.prio = prio_of(static_cast<uint32_t>(fields.get_int32()));
        break;
      default:
        fields.skip();
    }
  }
  if (event.as_switch.prev_state == 0) event.as_switch.prev_state = TS_LEAVING_INVOLUNTARY;
  event.as_switch.wait_ns = TS_WAIT_UNKNOWN;
  tell_plain_name(time_ns, event.as_switch.prev_tid, prev_comm);
  tell_plain_name(time_ns, event.head.tid, next_comm);
  rare_.push_back(event);
}

void BundleReader::parse_plain_wake(const char* data, size_t size, uint64_t time_ns, uint32_t pid,
                                    uint8_t kind) {
  ts_any_event event{};
  event.head = {time_ns, 0, cpu_, kind, 120};
  event.wake.waker_tid = pid;
  event.wake.context = TS_CONTEXT_UNKNOWN;
  std::string_view comm;
  Fields<field::Wakeup> fields(data, size);
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Wakeup::comm:
        comm = fields.get_view();
        break;
      case field::Wakeup::pid:
        event.head.tid = static_cast<uint32_t>(fields.get_int32());
        break;
      case field::Wakeup::prio:
        event.head.prio = prio_of(static_cast<uint32_t>(fields.get_int32()));
        break;
      case field::Wakeup::target_cpu:
        event.wake.target_cpu = static_cast<uint16_t>(fields.get_int32());
        break;
      default:
        fields.skip();
    }
  }
  tell_plain_name(time_ns, event.head.tid, comm);
  rare_.push_back(event);
}

void BundleReader::parse_plain_migrate(const char* data, size_t size, uint64_t time_ns) {
  ts_any_event event{};
  event.head = {time_ns, 0, cpu_, TS_EVENT_MIGRATE, 120};
  Fields<field::Migrate> fields(data, size);
  while (fields.next()) {
    if (fields.tag() == field::Migrate::pid)
      event.head.tid = static_cast<uint32_t>(fields.get_int32());
    else if (fields.tag() == field::Migrate::orig_cpu)
      event.migrate.from_cpu = static_cast<uint16_t>(fields.get_int32());
    else if (fields.tag() == field::Migrate::dest_cpu)
      event.migrate.to_cpu = static_cast<uint16_t>(fields.get_int32());
    else
      fields.skip();
  }
  rare_.push_back(event);
}

// That it ends, without the kernel's totals.
void BundleReader::parse_plain_exit(const char* data, size_t size, uint64_t time_ns) {
  ts_any_event event{};
  event.head = {time_ns, 0, cpu_, TS_EVENT_EXIT, 120};
  Fields<field::Exit> fields(data, size);
  while (fields.next()) {
    if (fields.tag() == field::Exit::pid)
      event.head.tid = static_cast<uint32_t>(fields.get_int32());
    else
      fields.skip();
  }
  rare_.push_back(event);
}

void BundleReader::parse_plain_identity(const char* data, size_t size, uint64_t time_ns,
                                        uint32_t pid, uint8_t kind) {
  constexpr uint64_t kCloneThread = 0x10000;  // CLONE_THREAD
  ts_any_event event{};
  event.head = {time_ns, pid, cpu_, kind, 120};
  // Both messages begin with the pid; the name is the second field of one and the third of the
  // other.
  const auto name = kind == TS_EVENT_FORK ? static_cast<uint32_t>(field::NewTask::comm)
                                          : static_cast<uint32_t>(field::Rename::new_comm);
  bool thread = false;
  Fields<field::NewTask> fields(data, size);
  while (fields.next()) {
    if (fields.tag() == field::NewTask::pid)
      event.head.tid = static_cast<uint32_t>(fields.get_int32());
    else if (static_cast<uint32_t>(fields.tag()) == name)
      copy_comm(event.identity.comm, fields.get_view());
    else if (fields.tag() == field::NewTask::clone_flags)
      thread = (fields.get_uint64() & kCloneThread) != 0;
    else
      fields.skip();
  }
  // A thread's process is known once its parent's is: left 0 for the reader to fill in.
  event.identity.tgid = kind == TS_EVENT_FORK && !thread ? event.head.tid : 0;
  event.identity.parent_tid = kind == TS_EVENT_FORK ? pid : 0;
  rare_.push_back(event);
}

}  // namespace timeslice::trace
