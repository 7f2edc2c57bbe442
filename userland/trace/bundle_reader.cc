// SPDX-License-Identifier: MIT
#include "trace/bundle_reader.h"

#include <algorithm>
#include <cstring>
#include <protozero/varint.hpp>
#include <utility>

#include "trace/bundle_values.h"
#include "trace/fields.h"
#include "trace/message.h"
#include "trace/tables.h"

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
  columns_ = {};
  switch_index_ = waking_index_ = 0;
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

ts_any_event BundleReader::gap() const {
  ts_any_event gap{};
  gap.lost.event = {0, 0, cpu_, TS_EVENT_LOST, 0};
  return gap;
}

void BundleReader::give_up() {
  load({});
  rare_.push_back(gap());
}

template <typename Number, typename... Rows>
void BundleReader::begin_column(Number tag, std::string_view view,
                                const std::tuple<Rows...>& table) {
  for_each_column(columns_, table, [&](Number number, auto& column) {
    if (number == tag) begin(column, {view.data(), view.data() + view.size()});
  });
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
    if (tag == field::Compact::intern_table) {
      if (foreign_.names) interned_.push_back(view);
    } else {
      begin_column(tag, view, kCompactColumns<Columns>);
    }
  }
  if (!foreign_.names) columns_.next_comm = columns_.waking_comm = {};
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
    if (tag == field::Beside::event)
      parse_rare(view.data(), view.size());
    else
      begin_column(tag, view, kBesideColumns<Columns>);
  }
}

void BundleReader::parse_rare(const char* data, size_t size) {
  const std::string_view message(data, size);
  ts_any_event event{};
  take_fields(message, event.head, table::kRare);
  event.head.cpu = cpu_;
  switch (event.head.kind) {
    case TS_EVENT_FORK:
    case TS_EVENT_EXEC:
    case TS_EVENT_RENAME:
      take_fields(message, event.identity, table::kIdentity);
      break;
    case TS_EVENT_EXIT:
      take_fields(message, event.exit, table::kExit);
      break;
    case TS_EVENT_LOST:
      take_fields(message, event.lost, table::kLost);
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
    const uint64_t at_switch = columns_.switch_time.value == UINT64_MAX
                                   ? UINT64_MAX
                                   : columns_.switch_time.value - offset_;
    const uint64_t at_waking = columns_.waking_time.value == UINT64_MAX
                                   ? UINT64_MAX
                                   : columns_.waking_time.value - offset_;
    const uint64_t at_rare = rare_time(), at_migrate = columns_.migrate_time.value;
    const uint64_t first = std::min({at_switch, at_waking, at_rare, at_migrate});
    if (first == UINT64_MAX) return false;
    if (first == at_rare) return take_rare(), true;
    if (first == at_waking) {
      if (!take_name(at_waking, columns_.waking_tid, columns_.waking_comm, waking_named_))
        take_wake();
      return true;
    }
    if (first == at_migrate) return take_migrate(), true;
    if (take_name(at_switch, columns_.next_tid, columns_.next_comm, switch_named_) || take_switch())
      return true;
  }
}

// Each bundle repeats each thread's name, whatever came before: so it contains the same
// events wherever its reader comes from.
bool BundleReader::is_news(uint32_t tid, std::string_view comm) {
  if (tid == 0 || comm.empty()) return false;  // an idle thread has one on each core
  std::string_view& told = told_[tid];
  if (told == comm) return false;
  told = comm;
  return true;
}

ts_any_event BundleReader::name_event(uint64_t time_ns, uint32_t tid, std::string_view comm) const {
  ts_any_event event{};
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
  const auto tid = static_cast<uint32_t>(columns_.next_tid.take());
  const uint64_t prio = columns_.next_prio.take();
  const uint16_t state = state_of(columns_.prev_state.take());
  const uint64_t wait = columns_.wait.is_there() ? columns_.wait.take() : 0;
  const bool filler = columns_.filler.value == switch_index_;
  if (filler) columns_.filler.advance();
  begin_event(columns_.switch_time.value - offset_, TS_EVENT_SWITCH, tid, prio_of(prio));
  ts_event_switch& out = event_.as_switch;
  out.prev_tid = occupant_;
  out.prev_state = with_kind(state);
  out.prev_nvcsw = out.prev_nivcsw = 0;
  out.wait_ns = wait - 1;  // 0 becomes TS_WAIT_UNKNOWN
  if (columns_.prev_index.value == switch_index_) {
    out.prev_tid = static_cast<uint32_t>(columns_.prev_tid.take());
    columns_.prev_index.advance();
  }
  if (columns_.contrary.value == switch_index_) {
    out.prev_state ^= TS_LEAVING_VOLUNTARY | TS_LEAVING_INVOLUNTARY;
    columns_.contrary.advance();
  }
  if (columns_.unclear.value == switch_index_) {
    out.prev_state = state;
    columns_.unclear.advance();
  }
  occupant_ = tid;
  ++switch_index_;
  columns_.switch_time.advance();
  return !filler;
}

void BundleReader::take_wake() {
  const auto tid = static_cast<uint32_t>(columns_.waking_tid.take());
  const auto target = static_cast<uint16_t>(columns_.target_cpu.take());
  const uint64_t prio = columns_.waking_prio.take();
  const uint64_t flags = columns_.waking_flags.done() ? 0 : columns_.waking_flags.take();
  const uint64_t waker = columns_.waker.is_there() ? columns_.waker.take() : 0;
  const uint64_t context =
      columns_.context.is_there() ? columns_.context.take() : context_of(flags);
  const bool is_new = columns_.waking_new.value == waking_index_;
  if (is_new) columns_.waking_new.advance();
  begin_event(columns_.waking_time.value - offset_, is_new ? TS_EVENT_WAKE_NEW : TS_EVENT_WAKING,
              tid, prio_of(prio));
  ts_event_wake& out = event_.wake;
  out.waker_tid = waker == 0 ? occupant_ : static_cast<uint32_t>(waker - 1);
  out.target_cpu = target;
  out.context = static_cast<uint8_t>(context < TS_CONTEXTS ? context : 0);
  out.pad = 0;
  ++waking_index_;
  columns_.waking_time.advance();
}

void BundleReader::take_migrate() {
  begin_event(columns_.migrate_time.value, TS_EVENT_MIGRATE,
              static_cast<uint32_t>(columns_.migrate_tid.take()), 0);
  event_.migrate.from_cpu = static_cast<uint16_t>(columns_.migrate_from.take());
  event_.migrate.to_cpu = static_cast<uint16_t>(columns_.migrate_to.take());
  event_.migrate.run_delay_low = static_cast<uint32_t>(columns_.migrate_run_delay.take());
  columns_.migrate_time.advance();
}

void BundleReader::take_rare() {
  const ts_any_event& from = rare_[rare_at_++];
  event_ = from;
  // A gap begins with the core's last record, not where there was room again.
  if (from.head.kind != TS_EVENT_LOST || last_ns_ == 0)
    last_ns_ = std::max<uint64_t>(last_ns_, from.head.time_ns);
  event_.head.time_ns = last_ns_;
  if (from.head.kind == TS_EVENT_SWITCH) occupant_ = from.head.tid;
  if (from.head.kind == TS_EVENT_LOST) occupant_ = TS_TID_OUTSIDE;
}

}  // namespace timeslice::trace
