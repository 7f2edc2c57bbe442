// SPDX-License-Identifier: MIT
// What would another recorder have written? Packets in Perfetto's form, put together by hand.
#pragma once
#include <cstdint>
#include <protozero/pbf_builder.hpp>
#include <string>
#include <vector>

#include "trace/fields.h"

namespace timeslice::perfetto {

namespace field = trace::field;
using protozero::pbf_builder;

constexpr uint64_t kMs = 1'000'000;

// One packet of a file that holds `message` in that field.
inline std::string packet(field::Packet name, const std::string& message) {
  std::string inner, outer;
  pbf_builder<field::Packet>(inner).add_message(name, message);
  pbf_builder<field::Trace>(outer).add_message(field::Trace::packet, inner);
  return outer;
}

inline std::string event(uint64_t time_ns, uint32_t by, field::Event kind,
                         const std::string& message) {
  std::string bytes;
  pbf_builder<field::Event> builder(bytes);
  builder.add_uint64(field::Event::timestamp, time_ns);
  builder.add_uint32(field::Event::pid, by);
  builder.add_message(kind, message);
  return bytes;
}

struct Named {
  int32_t tid = 0;
  std::string comm;  // empty: isn't told
};

inline std::string switch_event(uint64_t time_ns, const Named& prev, int64_t state,
                                const Named& next) {
  std::string bytes;
  pbf_builder<field::Switch> builder(bytes);
  if (!prev.comm.empty()) builder.add_string(field::Switch::prev_comm, prev.comm);
  builder.add_int32(field::Switch::prev_pid, prev.tid);
  builder.add_int64(field::Switch::prev_state, state);
  if (!next.comm.empty()) builder.add_string(field::Switch::next_comm, next.comm);
  builder.add_int32(field::Switch::next_pid, next.tid);
  builder.add_int32(field::Switch::next_prio, 120);
  return event(time_ns, static_cast<uint32_t>(prev.tid), field::Event::sched_switch, bytes);
}

// `kind`: sched_waking, sched_wakeup or sched_wakeup_new.
inline std::string wake_event(uint64_t time_ns, field::Event kind, uint32_t by,
                              const Named& woken) {
  std::string bytes;
  pbf_builder<field::Wakeup> builder(bytes);
  if (!woken.comm.empty()) builder.add_string(field::Wakeup::comm, woken.comm);
  builder.add_int32(field::Wakeup::pid, woken.tid);
  return event(time_ns, by, kind, bytes);
}

// `lost`: the kernel's buffer had overwritten some before these.
inline std::string bundle(uint32_t cpu, const std::vector<std::string>& events, bool lost = false) {
  std::string bytes;
  pbf_builder<field::Bundle> builder(bytes);
  builder.add_uint32(field::Bundle::cpu, cpu);
  if (lost) builder.add_bool(field::Bundle::lost_events, true);
  for (const std::string& one : events) builder.add_message(field::Bundle::event, one);
  return packet(field::Packet::ftrace_events, bytes);
}

struct TreeEntry {
  int32_t tid = 0, tgid = 0;  // of a process: the same
  std::vector<std::string> names;
};

inline std::string tree(const std::vector<TreeEntry>& entries) {
  std::string bytes;
  pbf_builder<field::ProcessTree> builder(bytes);
  for (const TreeEntry& entry : entries) {
    std::string one;
    if (entry.tid == entry.tgid) {
      pbf_builder<field::Process> process(one);
      process.add_int32(field::Process::pid, entry.tid);
      for (const std::string& name : entry.names) process.add_string(field::Process::cmdline, name);
    } else {
      pbf_builder<field::Thread> thread(one);
      thread.add_int32(field::Thread::tid, entry.tid);
      thread.add_int32(field::Thread::tgid, entry.tgid);
      for (const std::string& name : entry.names) thread.add_string(field::Thread::name, name);
    }
    builder.add_message(
        entry.tid == entry.tgid ? field::ProcessTree::process : field::ProcessTree::thread, one);
  }
  return packet(field::Packet::process_tree, bytes);
}

}  // namespace timeslice::perfetto
