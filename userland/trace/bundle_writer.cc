// SPDX-License-Identifier: MIT
#include "trace/bundle_writer.h"

#include <protozero/basic_pbf_writer.hpp>
#include <protozero/pbf_builder.hpp>
#include <protozero/varint.hpp>

#include "trace/bundle_values.h"
#include "trace/fields.h"

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
  union {
    ts_event head;
    ts_event_switch as_switch;
    ts_event_wake as_wake;
    ts_event_migrate as_migrate;
    ts_event_identity as_identity;
    ts_event_exit as_exit;
    ts_event_lost as_lost;
  } copy;
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
  switch_time_.put_difference(time_ns + boot_offset_ns_);
  prev_state_.put(prev_state);
  next_tid_.put(next.tid);
  next_prio_.put(next.prio);
  next_comm_.put(comm_index(next.tid, names));
  wait_.put(wait_ns + 1);  // TS_WAIT_UNKNOWN becomes 0
  occupant_ = next.tid;
  ++switches_;
}

void BundleWriter::add_switch(const ts_event_switch& record, const Names& names) {
  const uint16_t state = record.prev_state & TS_LEAVING_STATES;
  const uint16_t kind = record.prev_state & (TS_LEAVING_VOLUNTARY | TS_LEAVING_INVOLUNTARY);
  if (kind == 0)
    unclear_.put_difference(switches_);
  else if (kind != kind_by_state(state))
    contrary_.put_difference(switches_);
  if (switches_ == 0 || record.prev_tid != occupant_) {
    prev_index_.put_difference(switches_);
    prev_tid_.put(record.prev_tid);
  }
  put_switch(record.event.time_ns, state, record.event, record.wait_ns, names);
  if (!filtered_ || !names.is_outside(record.event.tid)) return;
  // Somebody got the core whose further switches aren't told: no viewer shall draw it as running.
  filler_.put_difference(switches_);
  const ts_event nobody{record.event.time_ns, 0, cpu_, TS_EVENT_SWITCH, 120};
  put_switch(record.event.time_ns, TS_LEAVING_RUNNABLE, nobody, 0, names);
}

void BundleWriter::add_wake(const ts_event_wake& record, const Names& names) {
  if (record.event.kind == TS_EVENT_WAKE_NEW) waking_new_.put_difference(wakings_);
  waking_time_.put_difference(record.event.time_ns + boot_offset_ns_);
  waking_tid_.put(record.event.tid);
  target_cpu_.put(record.target_cpu);
  waking_prio_.put(record.event.prio);
  waking_comm_.put(comm_index(record.event.tid, names));
  waking_flags_.put(flags_of(record.context));
  const bool known = record.waker_tid == occupant_;
  waker_.put(known ? 0 : record.waker_tid + 1ULL);
  wakers_differ_ |= !known;
  context_.put(record.context);
  contexts_differ_ |= record.context == TS_CONTEXT_UNKNOWN;
  ++wakings_;
}

void BundleWriter::add_migrate(const ts_event_migrate& record) {
  migrate_time_.put_difference(record.event.time_ns);
  migrate_tid_.put(record.event.tid);
  migrate_from_.put(record.from_cpu);
  migrate_to_.put(record.to_cpu);
  migrate_run_delay_.put(record.run_delay_low);
}

void BundleWriter::add_rare(const ts_event& event) {
  std::string text;
  Message<field::Rare> message(text);
  message.add_uint32(field::Rare::kind, event.kind);
  message.add_uint64(field::Rare::time_ns, event.time_ns);
  message.add_uint32(field::Rare::tid, event.tid);
  message.add_uint32(field::Rare::prio, event.prio);
  if (event.kind == TS_EVENT_LOST) {
    const auto& lost = reinterpret_cast<const ts_event_lost&>(event);
    message.add_uint64(field::Rare::records, lost.records);
    occupant_ = TS_TID_OUTSIDE;
  } else if (event.kind == TS_EVENT_EXIT) {
    const auto& exit = reinterpret_cast<const ts_event_exit&>(event);
    message.add_uint64(field::Rare::start_ns, exit.start_ns);
    message.add_uint64(field::Rare::nvcsw, exit.nvcsw);
    message.add_uint64(field::Rare::nivcsw, exit.nivcsw);
    message.add_uint64(field::Rare::cpu_ns, exit.cpu_ns);
    message.add_uint64(field::Rare::run_delay_ns, exit.run_delay_ns);
    message.add_uint64(field::Rare::slices, exit.slices);
    message.add_uint64(field::Rare::migrations, exit.migrations);
  } else {
    const auto& identity = reinterpret_cast<const ts_event_identity&>(event);
    message.add_uint32(field::Rare::tgid, identity.tgid);
    message.add_uint32(field::Rare::ppid, identity.ppid);
    message.add_uint32(field::Rare::parent_tid, identity.parent_tid);
    message.add_uint32(field::Rare::flags, identity.flags);
    message.add_uint64(field::Rare::start_ns, identity.start_ns);
    message.add_bytes(field::Rare::comm, identity.comm,
                      strnlen(identity.comm, sizeof(identity.comm)));
  }
  Message<field::Beside>(rare_).add_message(field::Beside::event, text);
}

void BundleWriter::append_compact(std::string& bundle) const {
  Message<field::Bundle> parent(bundle);
  std::string text;
  {
    Message<field::Compact> compact(text);
    const auto put = [&](field::Compact number, const Column& column) {
      if (!column.empty()) compact.add_bytes(number, column.data(), column.size());
    };
    for (const std::string& comm : comms_) compact.add_string(field::Compact::intern_table, comm);
    put(field::Compact::switch_timestamp, switch_time_);
    put(field::Compact::switch_prev_state, prev_state_);
    put(field::Compact::switch_next_pid, next_tid_);
    put(field::Compact::switch_next_prio, next_prio_);
    put(field::Compact::switch_next_comm_index, next_comm_);
    put(field::Compact::waking_timestamp, waking_time_);
    put(field::Compact::waking_pid, waking_tid_);
    put(field::Compact::waking_target_cpu, target_cpu_);
    put(field::Compact::waking_prio, waking_prio_);
    put(field::Compact::waking_comm_index, waking_comm_);
    put(field::Compact::waking_common_flags, waking_flags_);
  }
  if (!text.empty()) parent.add_message(field::Bundle::compact_sched, text);
}

void BundleWriter::append_beside(std::string& bundle) const {
  std::string text;
  Message<field::Beside> beside(text);
  const auto put = [&](field::Beside number, const Column& column) {
    if (!column.empty()) beside.add_bytes(number, column.data(), column.size());
  };
  put(field::Beside::switch_wait, wait_);
  put(field::Beside::switch_contrary, contrary_);
  put(field::Beside::switch_unclear, unclear_);
  put(field::Beside::switch_prev_index, prev_index_);
  put(field::Beside::switch_prev_tid, prev_tid_);
  put(field::Beside::switch_filler, filler_);
  put(field::Beside::waking_new, waking_new_);
  if (wakers_differ_) put(field::Beside::waking_waker, waker_);
  if (contexts_differ_) put(field::Beside::waking_context, context_);
  put(field::Beside::migrate_timestamp, migrate_time_);
  put(field::Beside::migrate_tid, migrate_tid_);
  put(field::Beside::migrate_from, migrate_from_);
  put(field::Beside::migrate_to, migrate_to_);
  put(field::Beside::migrate_run_delay, migrate_run_delay_);
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
  for (Column* column :
       {&switch_time_,  &prev_state_,   &next_tid_,     &next_prio_,  &next_comm_,
        &wait_,         &contrary_,     &unclear_,      &prev_index_, &prev_tid_,
        &filler_,       &waking_time_,  &waking_tid_,   &target_cpu_, &waking_prio_,
        &waking_comm_,  &waking_flags_, &waking_new_,   &waker_,      &context_,
        &migrate_time_, &migrate_tid_,  &migrate_from_, &migrate_to_, &migrate_run_delay_})
    column->clear();
  comms_.clear();
  rare_.clear();
  switches_ = wakings_ = events_ = 0;
  wakers_differ_ = contexts_differ_ = false;
  ++bundle_;
}

}  // namespace timeslice::trace
