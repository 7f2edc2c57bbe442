// SPDX-License-Identifier: MIT
#include "trace/bundle_reader.h"

#include <algorithm>
#include <cstring>
#include <protozero/varint.hpp>
#include <utility>

#include "trace/bundle_values.h"
#include "trace/fields.h"
#include "trace/message.h"

namespace timeslice::trace {

namespace {

uint8_t context_of(uint64_t flags) {
  if (flags & field::kFlagHardirq) return TS_CONTEXT_HARDIRQ;
  return flags & field::kFlagSoftirq ? TS_CONTEXT_SOFTIRQ : TS_CONTEXT_TASK;
}

}  // namespace

BundleHead bundle_head(const char* data, size_t size) {
  BundleHead head;
  Fields<field::Bundle> bundle(data, size);
  while (bundle.next()) {
    if (bundle.tag() == field::Bundle::cpu) {
      head.cpu = bundle.get_uint32();
      head.has_cpu = true;
      return head;
    }
    bundle.skip();
  }
  return head;
}

namespace {

bool compact_has_wakings(std::string_view compact) {
  Fields<field::Compact> fields(compact);
  while (fields.next()) {
    if (fields.tag() == field::Compact::waking_timestamp && fields.is_bytes())
      return !fields.get_view().empty();
    fields.skip();
  }
  return false;
}

bool event_is_waking(std::string_view event) {
  Fields<field::Event> fields(event);
  while (fields.next()) {
    if (fields.tag() == field::Event::sched_waking) return true;
    fields.skip();
  }
  return false;
}

}  // namespace

bool has_wakings(const char* data, size_t size) {
  Fields<field::Bundle> bundle(data, size);
  while (bundle.next()) {
    const auto tag = bundle.tag();  // gone once the field is read
    if (tag == field::Bundle::compact_sched && bundle.is_bytes()) {
      if (compact_has_wakings(bundle.get_view())) return true;
    } else if (tag == field::Bundle::event && bundle.is_bytes()) {
      if (event_is_waking(bundle.get_view())) return true;
    } else {
      bundle.skip();
    }
  }
  return false;
}

// Nearly all have up to three bytes, and a report takes a dozen an event.
inline uint64_t BundleReader::Varints::take() {
  const auto byte = [this](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(at[i])); };
  if (end - at < 3) return protozero::decode_varint(&at, end);
  uint64_t value = byte(0);
  if (value < 0x80) {
    at += 1;
  } else if (value += (byte(1) << 7) - 0x80; byte(1) < 0x80) {
    at += 2;
  } else if (byte(2) < 0x80) {
    value += (byte(2) << 14) - (0x80 << 7);
    at += 3;
  } else {
    return protozero::decode_varint(&at, end);
  }
  return value;
}

void BundleReader::Differences::begin(Varints column) {
  from = column;
  value = from.done() ? UINT64_MAX : from.take();
}

void BundleReader::Differences::advance() {
  value = from.done() ? UINT64_MAX : value + from.take();
}

void BundleReader::load(std::string bundle) {
  bytes_ = std::move(bundle);
  switch_time_ = waking_time_ = migrate_time_ = {};
  contrary_ = unclear_ = prev_index_ = filler_ = waking_new_ = {};
  prev_state_ = next_tid_ = next_prio_ = wait_ = prev_tid_ = {};
  waking_tid_ = target_cpu_ = waking_prio_ = waking_flags_ = waker_ = context_ = {};
  migrate_tid_ = migrate_from_ = migrate_to_ = migrate_run_delay_ = {};
  has_waits_ = has_wakers_ = has_contexts_ = false;
  switch_index_ = waking_index_ = 0;
  switch_comm_ = waking_comm_ = {};
  switch_named_ = waking_named_ = false;
  interned_.clear();
  told_.clear();
  rare_.clear();
  rare_at_ = 0;
  bool lost = false;
  Fields<field::Bundle> fields(bytes_.data(), bytes_.size());
  while (fields.next()) {
    switch (fields.tag()) {
      case field::Bundle::compact_sched: {
        const auto view = fields.get_view();
        parse_compact(view.data(), view.size());
        break;
      }
      case field::Bundle::ours: {
        const auto view = fields.get_view();
        parse_beside(view.data(), view.size());
        break;
      }
      case field::Bundle::event: {
        const auto view = fields.get_view();
        parse_plain(view.data(), view.size());
        break;
      }
      case field::Bundle::lost_events:
        lost |= fields.get_bool();
        break;
      default:
        fields.skip();
    }
  }
  if (lost) rare_.insert(rare_.begin(), gap());
}

AnyEvent BundleReader::gap() const {
  AnyEvent gap{};
  gap.lost.event = {0, 0, cpu_, TS_EVENT_LOST, 0};
  return gap;
}

void BundleReader::give_up() {
  load({});
  rare_.push_back(gap());
}

void BundleReader::parse_compact(const char* data, size_t size) {
  Fields<field::Compact> fields(data, size);
  while (fields.next()) {
    if (!fields.is_bytes()) {
      fields.skip();
      continue;
    }
    const auto tag = fields.tag();  // gone once the field is read
    const auto view = fields.get_view();
    const Varints column{view.data(), view.data() + view.size()};
    switch (tag) {
      case field::Compact::intern_table:
        if (foreign_.names) interned_.push_back(view);
        break;
      case field::Compact::switch_next_comm_index:
        if (foreign_.names) switch_comm_ = column;
        break;
      case field::Compact::waking_comm_index:
        if (foreign_.names) waking_comm_ = column;
        break;
      case field::Compact::switch_timestamp:
        switch_time_.begin(column);
        break;
      case field::Compact::switch_prev_state:
        prev_state_ = column;
        break;
      case field::Compact::switch_next_pid:
        next_tid_ = column;
        break;
      case field::Compact::switch_next_prio:
        next_prio_ = column;
        break;
      case field::Compact::waking_timestamp:
        waking_time_.begin(column);
        break;
      case field::Compact::waking_pid:
        waking_tid_ = column;
        break;
      case field::Compact::waking_target_cpu:
        target_cpu_ = column;
        break;
      case field::Compact::waking_prio:
        waking_prio_ = column;
        break;
      case field::Compact::waking_common_flags:
        waking_flags_ = column;
        break;
      default:
        break;
    }
  }
}

void BundleReader::parse_beside(const char* data, size_t size) {
  Fields<field::Beside> fields(data, size);
  while (fields.next()) {
    if (!fields.is_bytes()) {
      fields.skip();
      continue;
    }
    const auto tag = fields.tag();  // gone once the field is read
    const auto view = fields.get_view();
    const Varints column{view.data(), view.data() + view.size()};
    switch (tag) {
      case field::Beside::switch_wait:
        wait_ = column;
        has_waits_ = true;
        break;
      case field::Beside::switch_contrary:
        contrary_.begin(column);
        break;
      case field::Beside::switch_unclear:
        unclear_.begin(column);
        break;
      case field::Beside::switch_prev_index:
        prev_index_.begin(column);
        break;
      case field::Beside::switch_prev_tid:
        prev_tid_ = column;
        break;
      case field::Beside::switch_filler:
        filler_.begin(column);
        break;
      case field::Beside::waking_new:
        waking_new_.begin(column);
        break;
      case field::Beside::waking_waker:
        waker_ = column;
        has_wakers_ = true;
        break;
      case field::Beside::waking_context:
        context_ = column;
        has_contexts_ = true;
        break;
      case field::Beside::migrate_timestamp:
        migrate_time_.begin(column);
        break;
      case field::Beside::migrate_tid:
        migrate_tid_ = column;
        break;
      case field::Beside::migrate_from:
        migrate_from_ = column;
        break;
      case field::Beside::migrate_to:
        migrate_to_ = column;
        break;
      case field::Beside::migrate_run_delay:
        migrate_run_delay_ = column;
        break;
      case field::Beside::event:
        parse_rare(view.data(), view.size());
        break;
    }
  }
}

void BundleReader::parse_rare(const char* data, size_t size) {
  // All fields of all kinds are one message; what a kind doesn't have stays 0.
  uint64_t values[32] = {};
  std::string_view comm;
  Fields<field::Rare> fields(data, size);
  while (fields.next()) {
    const auto number = static_cast<uint32_t>(fields.tag());
    if (fields.tag() == field::Rare::comm && fields.is_bytes())
      comm = fields.get_view();
    else if (number < 32 && fields.is_varint())
      values[number] = fields.get_uint64();
    else
      fields.skip();
  }
  const auto value = [&](field::Rare name) { return values[static_cast<uint32_t>(name)]; };
  const auto narrow = [&](field::Rare name) { return static_cast<uint32_t>(value(name)); };
  AnyEvent event{};
  event.head = {value(field::Rare::time_ns), narrow(field::Rare::tid), cpu_,
                static_cast<uint8_t>(value(field::Rare::kind)), prio_of(value(field::Rare::prio))};
  switch (event.head.kind) {
    case TS_EVENT_FORK:
    case TS_EVENT_EXEC:
    case TS_EVENT_RENAME:
      event.identity.tgid = narrow(field::Rare::tgid);
      event.identity.ppid = narrow(field::Rare::ppid);
      event.identity.parent_tid = narrow(field::Rare::parent_tid);
      event.identity.flags = narrow(field::Rare::flags);
      event.identity.start_ns = value(field::Rare::start_ns);
      copy_comm(event.identity.comm, comm);
      break;
    case TS_EVENT_EXIT:
      event.exit.start_ns = value(field::Rare::start_ns);
      event.exit.nvcsw = value(field::Rare::nvcsw);
      event.exit.nivcsw = value(field::Rare::nivcsw);
      event.exit.cpu_ns = value(field::Rare::cpu_ns);
      event.exit.run_delay_ns = value(field::Rare::run_delay_ns);
      event.exit.slices = value(field::Rare::slices);
      event.exit.migrations = value(field::Rare::migrations);
      break;
    case TS_EVENT_LOST:
      event.lost.records = value(field::Rare::records);
      break;
    default:
      ++skipped_;
      return;
  }
  rare_.push_back(event);
}

ts_event& BundleReader::begin_event(uint64_t time_ns, uint8_t kind, uint32_t tid, uint8_t prio) {
  last_ns_ = std::max(last_ns_, time_ns);
  event_.head = {last_ns_, tid, cpu_, kind, prio};
  return event_.head;
}

bool BundleReader::next() {
  for (;;) {
    const uint64_t at_switch =
        switch_time_.value == UINT64_MAX ? UINT64_MAX : switch_time_.value - offset_;
    const uint64_t at_waking =
        waking_time_.value == UINT64_MAX ? UINT64_MAX : waking_time_.value - offset_;
    const uint64_t at_rare = rare_time(), at_migrate = migrate_time_.value;
    const uint64_t first = std::min({at_switch, at_waking, at_rare, at_migrate});
    if (first == UINT64_MAX) return false;
    if (first == at_rare) return take_rare(), true;
    if (first == at_waking) {
      if (!take_name(at_waking, waking_tid_, waking_comm_, waking_named_)) take_wake();
      return true;
    }
    if (first == at_migrate) return take_migrate(), true;
    if (take_name(at_switch, next_tid_, switch_comm_, switch_named_) || take_switch()) return true;
  }
}

// Each bundle tells anew what each thread is called, whatever was told before: so it holds the same
// events wherever its reader comes from.
bool BundleReader::is_news(uint32_t tid, std::string_view comm) {
  if (tid == 0 || comm.empty()) return false;  // an idle thread has one on each core
  std::string_view& told = told_[tid];
  if (told == comm) return false;
  told = comm;
  return true;
}

AnyEvent BundleReader::name_event(uint64_t time_ns, uint32_t tid, std::string_view comm) const {
  AnyEvent event{};
  event.identity.event = {time_ns, tid, cpu_, TS_EVENT_RENAME, 0};
  copy_comm(event.identity.comm, comm);
  return event;
}

// True: what the next switch or wake-up calls its thread is news, and is at hand; that event itself
// is still to come.
bool BundleReader::take_name(uint64_t time_ns, Varints tids, Varints& comms, bool& named) {
  if (named) return named = false;
  if (comms.done() || tids.done()) return false;
  const uint64_t index = comms.take();
  const auto tid = static_cast<uint32_t>(tids.take());
  if (index >= interned_.size() || !is_news(tid, interned_[index])) return false;
  last_ns_ = std::max(last_ns_, time_ns);
  event_ = name_event(last_ns_, tid, interned_[index]);
  return named = true;
}

// False: it was a filler.
bool BundleReader::take_switch() {
  const auto tid = static_cast<uint32_t>(next_tid_.take());
  const uint64_t prio = next_prio_.take();
  const uint16_t state = state_of(prev_state_.take());
  const uint64_t wait = has_waits_ ? wait_.take() : 0;
  const bool filler = filler_.value == switch_index_;
  if (filler) filler_.advance();
  begin_event(switch_time_.value - offset_, TS_EVENT_SWITCH, tid, prio_of(prio));
  ts_event_switch& out = event_.as_switch;
  out.prev_tid = occupant_;
  out.prev_state = with_kind(state);
  out.prev_nvcsw = out.prev_nivcsw = 0;
  out.wait_ns = wait - 1;  // 0 becomes TS_WAIT_UNKNOWN
  if (prev_index_.value == switch_index_) {
    out.prev_tid = static_cast<uint32_t>(prev_tid_.take());
    prev_index_.advance();
  }
  if (contrary_.value == switch_index_) {
    out.prev_state ^= TS_LEAVING_VOLUNTARY | TS_LEAVING_INVOLUNTARY;
    contrary_.advance();
  }
  if (unclear_.value == switch_index_) {
    out.prev_state = state;
    unclear_.advance();
  }
  occupant_ = tid;
  ++switch_index_;
  switch_time_.advance();
  return !filler;
}

void BundleReader::take_wake() {
  const auto tid = static_cast<uint32_t>(waking_tid_.take());
  const auto target = static_cast<uint16_t>(target_cpu_.take());
  const uint64_t prio = waking_prio_.take();
  const uint64_t flags = waking_flags_.done() ? 0 : waking_flags_.take();
  const uint64_t waker = has_wakers_ ? waker_.take() : 0;
  const uint64_t context = has_contexts_ ? context_.take() : context_of(flags);
  const bool is_new = waking_new_.value == waking_index_;
  if (is_new) waking_new_.advance();
  begin_event(waking_time_.value - offset_, is_new ? TS_EVENT_WAKE_NEW : TS_EVENT_WAKING, tid,
              prio_of(prio));
  ts_event_wake& out = event_.wake;
  out.waker_tid = waker == 0 ? occupant_ : static_cast<uint32_t>(waker - 1);
  out.target_cpu = target;
  out.context = static_cast<uint8_t>(context < TS_CONTEXTS ? context : 0);
  out.pad = 0;
  ++waking_index_;
  waking_time_.advance();
}

void BundleReader::take_migrate() {
  begin_event(migrate_time_.value, TS_EVENT_MIGRATE, static_cast<uint32_t>(migrate_tid_.take()), 0);
  event_.migrate.from_cpu = static_cast<uint16_t>(migrate_from_.take());
  event_.migrate.to_cpu = static_cast<uint16_t>(migrate_to_.take());
  event_.migrate.run_delay_low = static_cast<uint32_t>(migrate_run_delay_.take());
  migrate_time_.advance();
}

void BundleReader::take_rare() {
  const AnyEvent& from = rare_[rare_at_++];
  event_ = from;
  // A gap begins with the core's last record, not where there was room again.
  if (from.head.kind != TS_EVENT_LOST || last_ns_ == 0)
    last_ns_ = std::max<uint64_t>(last_ns_, from.head.time_ns);
  event_.head.time_ns = last_ns_;
  if (from.head.kind == TS_EVENT_SWITCH) occupant_ = from.head.tid;
  if (from.head.kind == TS_EVENT_LOST) occupant_ = TS_TID_OUTSIDE;
}

}  // namespace timeslice::trace
