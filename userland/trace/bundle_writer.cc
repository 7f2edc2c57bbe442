// SPDX-License-Identifier: MIT
#include "trace/bundle_writer.h"

#include <protozero/basic_pbf_writer.hpp>
#include <protozero/pbf_builder.hpp>
#include <protozero/varint.hpp>

#include "trace/bundle_values.h"
#include "trace/fields.h"
#include "trace/tables.h"

namespace timeslice::trace {

namespace {

constexpr size_t kSlots = 1024;  // a power of two

template <typename Field>
using Message = protozero::pbf_builder<Field>;

uint32_t flags_of(uint8_t context) {
  if (context == TS_CONTEXT_HARDIRQ) return field::kFlagHardirq;
  return context == TS_CONTEXT_SOFTIRQ ? field::kFlagSoftirq : 0;
}

}  // namespace

void BundleWriter::Column::put(uint64_t value) {
  end_ += protozero::add_varint_to_buffer(end_, value);
}

BundleWriter::BundleWriter(uint16_t cpu, uint64_t boot_offset_ns, bool filtered)
    : cpu_(cpu), boot_offset_ns_(boot_offset_ns), filtered_(filtered), slots_(kSlots) {}

void BundleWriter::add(const ts_event& event, const Names& names) {
  // An interrupt may have come between a record's clock and its place in the ring.
  ts_event const* ordered = &event;
  ts_any_event copy;
  if (event.time_ns < last_ns_) {
    std::memcpy(static_cast<void*>(&copy), &event, ts_event_size(event.kind));
    copy.head.time_ns = last_ns_;
    ordered = &copy.head;
  }
  last_ns_ = ordered->time_ns;
  ++events_;
  switch (ordered->kind) {
    case TS_EVENT_SWITCH:
      return add_switch(reinterpret_cast<const ts_event_switch&>(*ordered), names);
    case TS_EVENT_WAKING:
    case TS_EVENT_WAKE_NEW:
      return add_wake(reinterpret_cast<const ts_event_wake&>(*ordered), names);
    case TS_EVENT_MIGRATE:
      return add_migrate(reinterpret_cast<const ts_event_migrate&>(*ordered));
    default:
      return add_rare(*ordered);
  }
}

uint32_t BundleWriter::comm_index(uint32_t tid, const Names& names) {
  Slot& slot = slots_[tid % kSlots];
  if (slot.bundle == bundle_ && slot.tid == tid && slot.changes == names.changes())
    return slot.index;
  const std::string_view comm = names.comm(tid);
  const bool same = slot.bundle == bundle_ && slot.tid == tid && comms_[slot.index] == comm;
  if (!same) {
    slot = {tid, bundle_, static_cast<uint32_t>(comms_.size()), 0};
    comms_.emplace_back(comm);
  }
  slot.changes = names.changes();
  return slot.index;
}

void BundleWriter::put_switch(uint64_t time_ns, uint16_t prev_state, const ts_event& next,
                              uint64_t wait_ns, const Names& names) {
  columns_.switch_time.put_difference(time_ns + boot_offset_ns_);
  columns_.prev_state.put(prev_state);
  columns_.next_tid.put(next.tid);
  columns_.next_prio.put(next.prio);
  columns_.next_comm.put(comm_index(next.tid, names));
  columns_.wait.put(wait_ns + 1);  // TS_WAIT_UNKNOWN becomes 0
  occupant_ = next.tid;
  ++switches_;
}

void BundleWriter::add_switch(const ts_event_switch& record, const Names& names) {
  const uint16_t state = record.prev_state & TS_LEAVING_STATES;
  const uint16_t kind = record.prev_state & (TS_LEAVING_VOLUNTARY | TS_LEAVING_INVOLUNTARY);
  if (kind == 0)
    columns_.unclear.put_difference(switches_);
  else if (kind != kind_by_state(state))
    columns_.contrary.put_difference(switches_);
  if (switches_ == 0 || record.prev_tid != occupant_) {
    columns_.prev_index.put_difference(switches_);
    columns_.prev_tid.put(record.prev_tid);
  }
  put_switch(record.event.time_ns, state, record.event, record.wait_ns, names);
  if (!filtered_ || !names.is_outside(record.event.tid)) return;
  // A thread got the CPU whose further switches aren't recorded: viewers mustn't show it running.
  columns_.filler.put_difference(switches_);
  const ts_event nobody{record.event.time_ns, 0, cpu_, TS_EVENT_SWITCH, 120};
  put_switch(record.event.time_ns, TS_LEAVING_RUNNABLE, nobody, 0, names);
}

void BundleWriter::add_wake(const ts_event_wake& record, const Names& names) {
  if (record.event.kind == TS_EVENT_WAKE_NEW) columns_.waking_new.put_difference(wakings_);
  columns_.waking_time.put_difference(record.event.time_ns + boot_offset_ns_);
  columns_.waking_tid.put(record.event.tid);
  columns_.target_cpu.put(record.target_cpu);
  columns_.waking_prio.put(record.event.prio);
  columns_.waking_comm.put(comm_index(record.event.tid, names));
  columns_.waking_flags.put(flags_of(record.context));
  const bool known = record.waker_tid == occupant_;
  columns_.waker.put(known ? 0 : record.waker_tid + 1ULL);
  wakers_differ_ |= !known;
  columns_.context.put(record.context);
  contexts_differ_ |= record.context == TS_CONTEXT_UNKNOWN;
  ++wakings_;
}

void BundleWriter::add_migrate(const ts_event_migrate& record) {
  columns_.migrate_time.put_difference(record.event.time_ns);
  columns_.migrate_tid.put(record.event.tid);
  columns_.migrate_from.put(record.from_cpu);
  columns_.migrate_to.put(record.to_cpu);
  columns_.migrate_run_delay.put(record.run_delay_low);
}

void BundleWriter::add_rare(const ts_event& event) {
  std::string text;
  put_fields(text, event, table::kRare);
  if (event.kind == TS_EVENT_LOST) {
    put_fields(text, reinterpret_cast<const ts_event_lost&>(event), table::kLost);
    occupant_ = TS_TID_OUTSIDE;
  } else if (event.kind == TS_EVENT_EXIT) {
    put_fields(text, reinterpret_cast<const ts_event_exit&>(event), table::kExit);
  } else {
    put_fields(text, reinterpret_cast<const ts_event_identity&>(event), table::kIdentity);
  }
  Message<field::Beside>(rare_).add_message(field::Beside::event, text);
}

void BundleWriter::append_compact(std::string& bundle) {
  std::string text;
  Message<field::Compact> out(text);
  for (const std::string& comm : comms_) out.add_string(field::Compact::intern_table, comm);
  for_each_column(columns_, kCompactColumns<Columns>, [&](field::Compact number, Column& column) {
    if (!column.empty()) out.add_bytes(number, column.data(), column.size());
  });
  if (!text.empty()) Message<field::Bundle>(bundle).add_message(field::Bundle::compact_sched, text);
}

void BundleWriter::append_beside(std::string& bundle) {
  if (!wakers_differ_) columns_.waker.clear();
  if (!contexts_differ_) columns_.context.clear();
  std::string text;
  Message<field::Beside> out(text);
  for_each_column(columns_, kBesideColumns<Columns>, [&](field::Beside number, Column& column) {
    if (!column.empty()) out.add_bytes(number, column.data(), column.size());
  });
  text += rare_;
  if (!text.empty()) Message<field::Bundle>(bundle).add_message(field::Bundle::ours, text);
}

void BundleWriter::finish(std::string& out) {
  if (events_ == 0) return;
  std::string packet;
  {
    Message<field::Packet> message(packet);
    message.add_uint32(field::Packet::sequence_id, 1);
    std::string bundle;
    Message<field::Bundle>(bundle).add_uint32(field::Bundle::cpu, cpu_);
    append_compact(bundle);
    append_beside(bundle);
    message.add_message(field::Packet::ftrace_events, bundle);
  }
  Message<field::Trace>(out).add_message(field::Trace::packet, packet);
  clear();
}

void BundleWriter::clear() {
  const auto clear_one = [](auto, Column& column) { column.clear(); };
  for_each_column(columns_, kCompactColumns<Columns>, clear_one);
  for_each_column(columns_, kBesideColumns<Columns>, clear_one);
  comms_.clear();
  rare_.clear();
  switches_ = wakings_ = events_ = 0;
  wakers_differ_ = contexts_differ_ = false;
  ++bundle_;
}

}  // namespace timeslice::trace
