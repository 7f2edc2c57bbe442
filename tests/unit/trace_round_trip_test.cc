// SPDX-License-Identifier: MIT
// Is what a Reader gives back what its Writer was given, field by field? Recordings made up by
// chance, by a seed: any value in any field that the file has a place for.
#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <sstream>

#include "tests/catch.h"
#include "trace/fields.h"
#include "trace/message.h"
#include "trace/reader.h"
#include "trace/writer.h"

using namespace timeslice;

namespace {

using Event = ts_any_event;

struct Made {
  trace::Header header;
  std::vector<ts_thread_row> opening, closing_rows;
  std::vector<trace::RoleNote> roles;
  std::vector<trace::RuntimeNote> runtimes;
  std::vector<Event> events;
  trace::Closing closing;
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  Made make(bool filtered) {
    Made made;
    header(made.header, filtered);
    for (uint32_t i = below(20); i > 0; --i) made.opening.push_back(row());
    for (uint32_t i = below(20); i > 0; --i) made.closing_rows.push_back(row());
    for (uint32_t i = below(5); i > 0; --i)
      made.roles.push_back({number32(), number(), text(), text(), below(1000) / 1000.0});
    for (uint32_t i = below(5); i > 0; --i) made.runtimes.push_back({number32(), number(), text()});
    uint64_t time_ns = made.header.begin_ns;
    for (uint32_t i = below(2000); i > 0; --i) {
      time_ns += 1 + below(below(2) ? 10 : 1'000'000'000);
      made.events.push_back(event(time_ns, made.header.cores));
    }
    made.closing = {time_ns + below(1000), numbers64(), number(), number(), number(), text()};
    return made;
  }

 private:
  uint32_t below(uint64_t limit) { return static_cast<uint32_t>(random_() % limit); }
  // Small and huge ones alike, and the ends of their range.
  uint64_t number() {
    const uint32_t kind = below(8);
    return kind == 0 ? 0 : kind == 1 ? UINT64_MAX : random_() >> below(64);
  }
  uint32_t number32() { return static_cast<uint32_t>(number()); }
  int32_t signed32() { return static_cast<int32_t>(number()); }
  std::string text() {
    std::string text(below(40), '\0');
    for (char& byte : text) byte = static_cast<char>(1 + below(255));
    return text;
  }
  void comm(char (&to)[TS_COMM_SIZE]) {
    std::memset(to, 0, sizeof(to));
    const std::string name = text().substr(0, TS_COMM_SIZE - 1);
    std::memcpy(to, name.data(), name.size());
  }
  std::vector<uint32_t> numbers() {
    std::vector<uint32_t> list(below(6));
    for (uint32_t& one : list) one = number32();
    return list;
  }
  std::vector<uint64_t> numbers64() {
    std::vector<uint64_t> list(below(6));
    for (uint64_t& one : list) one = number();
    return list;
  }

  void header(trace::Header& header, bool filtered) {
    header.begin_ns = random_() >> 8;
    header.boot_offset_ns = random_() >> 8;
    header.realtime_ns = 1 + (random_() >> 8);
    header.system = text() + "s", header.release = text() + "r", header.machine = text() + "m";
    header.cores = 1 + below(100);
    header.online = numbers(), header.idle = numbers();
    header.filtered = filtered;
    header.tgids = numbers();
    header.asked = text();
    header.recorder_tgid = number32();
  }
  ts_thread_row row() {
    ts_thread_row row{};
    row.record = {TS_RECORD_THREAD, sizeof(row), number32()};
    row.tgid = number32(), row.tid = number32(), row.ppid = number32();
    row.start_ns = number(), row.nvcsw = number(), row.nivcsw = number(), row.cpu_ns = number();
    row.run_delay_ns = number(), row.pending_wait_ns = number(), row.slices = number();
    row.migrations = number(), row.cgroup_id = number();
    row.syscall_nr = signed32(), row.flags = number32(), row.cpu = signed32();
    row.prio = signed32(), row.nice = signed32(), row.policy = number32();
    row.state = static_cast<char>(below(128));
    comm(row.comm);
    return row.flags & TS_THREAD_OUTSIDE ? name_of(row) : row;
  }
  // All that is told of who isn't recorded.
  static ts_thread_row name_of(const ts_thread_row& from) {
    ts_thread_row row{};
    row.record = {TS_RECORD_THREAD, sizeof(row), 0};
    row.tgid = from.tgid, row.tid = from.tid, row.ppid = from.ppid;
    row.start_ns = from.start_ns, row.flags = from.flags;
    row.state = '?', row.cpu = -1, row.syscall_nr = -1;
    std::memcpy(row.comm, from.comm, sizeof(row.comm));
    return row;
  }
  uint16_t how_it_left() {
    static constexpr uint16_t kCounted[] = {0, TS_LEAVING_VOLUNTARY, TS_LEAVING_INVOLUNTARY};
    return static_cast<uint16_t>((number32() & TS_LEAVING_STATES) | kCounted[below(3)]);
  }
  uint32_t tid() { return below(4) ? below(30) : number32(); }
  uint16_t cpu(uint32_t cores) { return static_cast<uint16_t>(below(cores)); }
  // Threads by few numbers, so that names and occupants repeat themselves.
  Event event(uint64_t time_ns, uint32_t cores) {
    Event event{};
    const uint8_t kind = static_cast<uint8_t>(below(4) ? TS_EVENT_SWITCH + below(3)
                                                       : TS_EVENT_SWITCH + below(TS_EVENT_LOST));
    event.head = {time_ns, tid(), cpu(cores), kind, static_cast<uint8_t>(below(256))};
    fill(event, cores);
    return event;
  }
  void fill(Event& event, uint32_t cores) {
    switch (event.head.kind) {
      case TS_EVENT_SWITCH:
        event.as_switch.prev_tid = tid();
        event.as_switch.prev_state = how_it_left();
        event.as_switch.wait_ns = number();
        break;
      case TS_EVENT_WAKING:
      case TS_EVENT_WAKE_NEW:
        event.wake.waker_tid = tid();
        event.wake.target_cpu = cpu(cores);
        event.wake.context = static_cast<uint8_t>(below(TS_CONTEXTS));
        break;
      case TS_EVENT_MIGRATE:
        event.head.prio = 0;
        event.migrate.from_cpu = cpu(cores), event.migrate.to_cpu = cpu(cores);
        event.migrate.run_delay_low = number32();
        break;
      case TS_EVENT_EXIT:
        event.exit.start_ns = number(), event.exit.cpu_ns = number();
        event.exit.nvcsw = number(), event.exit.nivcsw = number();
        event.exit.run_delay_ns = number(), event.exit.slices = number();
        event.exit.migrations = number();
        break;
      case TS_EVENT_LOST:
        event.head.tid = 0;
        event.lost.records = number();
        break;
      default:
        event.identity.tgid = number32(), event.identity.ppid = number32();
        event.identity.parent_tid = number32();
        event.identity.flags = number32();
        event.identity.start_ns = number();
        comm(event.identity.comm);
    }
  }

  std::mt19937_64 random_;
};

std::string written(const Made& made, uint64_t flush_after) {
  trace::Writer writer(made.header);
  for (const ts_thread_row& row : made.opening) writer.opening(row);
  for (const trace::RoleNote& role : made.roles) writer.role(role);
  for (const trace::RuntimeNote& note : made.runtimes) writer.runtime(note);
  uint64_t events = 0;
  for (const Event& event : made.events) {
    writer.event(event.head);
    if (++events % flush_after == 0) writer.flush();
  }
  writer.flush();
  return writer.bytes() + trace::closing_packets(made.closing_rows, made.closing);
}

class Collect : public trace::Visitor {
 public:
  void header(const trace::Header& header) override { made.header = header; }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    (moment == trace::Moment::opening ? made.opening : made.closing_rows).push_back(row);
  }
  void role(const trace::RoleNote& role) override { made.roles.push_back(role); }
  void runtime(const trace::RuntimeNote& note) override { made.runtimes.push_back(note); }
  void closing(const trace::Closing& closing) override { made.closing = closing; }
  void event(const ts_event& event) override {
    Event copy;
    std::memset(static_cast<void*>(&copy), 0, sizeof(copy));
    std::memcpy(static_cast<void*>(&copy), &event, ts_event_size(event.kind));
    made.events.push_back(copy);
  }
  Made made;
};

template <typename Record>
std::string bytes_of(const Record& record) {
  std::ostringstream text;
  for (size_t i = 0; i < sizeof(record); ++i)
    text << ' ' << static_cast<int>(reinterpret_cast<const unsigned char*>(&record)[i]);
  return text.str();
}

template <typename Record>
void check_same(const std::vector<Record>& given, const std::vector<Record>& got) {
  REQUIRE(got.size() == given.size());
  for (size_t i = 0; i < given.size(); ++i) {
    INFO("record " << i);
    REQUIRE(bytes_of(got[i]) == bytes_of(given[i]));
  }
}

void check_same(const trace::Header& given, const trace::Header& got) {
  CHECK(got.begin_ns == given.begin_ns);
  CHECK(got.boot_offset_ns == given.boot_offset_ns);
  CHECK(got.realtime_ns == given.realtime_ns);
  CHECK(got.system == given.system);
  CHECK(got.release == given.release);
  CHECK(got.machine == given.machine);
  CHECK(got.cores == given.cores);
  CHECK(got.online == given.online);
  CHECK(got.idle == given.idle);
  CHECK(got.filtered == given.filtered);
  CHECK(got.tgids == given.tgids);
  CHECK(got.asked == given.asked);
  CHECK(got.recorder_tgid == given.recorder_tgid);
  CHECK(got.ours());
}

void check_same(const trace::Closing& given, const trace::Closing& got) {
  CHECK(got.end_ns == given.end_ns);
  CHECK(got.lost == given.lost);
  CHECK(got.filter_failures == given.filter_failures);
  CHECK(got.suspended_ns == given.suspended_ns);
  CHECK(got.recorder_cpu_ns == given.recorder_cpu_ns);
  CHECK(got.ended_by == given.ended_by);
}

// A gap is told when there is room again, and read where it began: at its core's last record.
std::vector<Event> as_read(std::vector<Event> events) {
  std::map<uint16_t, uint64_t> last_ns;
  for (Event& event : events) {
    uint64_t& last = last_ns[event.head.cpu];
    if (event.head.kind == TS_EVENT_LOST && last != 0) event.head.time_ns = last;
    last = event.head.time_ns;
  }
  std::stable_sort(events.begin(), events.end(), [](const Event& one, const Event& other) {
    return one.head.time_ns < other.head.time_ns;
  });
  return events;
}

void check_round_trip(uint64_t seed, bool filtered) {
  INFO("seed " << seed << (filtered ? ", filtered" : ""));
  const Made given = Maker(seed).make(filtered);
  const std::string file = written(given, 1 + seed * 37 % 500);
  Collect collect;
  const trace::Summary summary = trace::read(*trace::in_memory(file), "made", collect);
  CHECK(summary.broken == 0);
  CHECK(summary.has_closing);
  const Made& got = collect.made;
  check_same(given.header, got.header);
  check_same(given.opening, got.opening);
  check_same(given.closing_rows, got.closing_rows);
  check_same(as_read(given.events), got.events);
  check_same(given.closing, got.closing);
  REQUIRE(got.runtimes.size() == given.runtimes.size());
  for (size_t i = 0; i < given.runtimes.size(); ++i) {
    CHECK(got.runtimes[i].tgid == given.runtimes[i].tgid);
    CHECK(got.runtimes[i].start_ns == given.runtimes[i].start_ns);
    CHECK(got.runtimes[i].runtime == given.runtimes[i].runtime);
  }
  REQUIRE(got.roles.size() == given.roles.size());
  for (size_t i = 0; i < given.roles.size(); ++i) {
    CHECK(got.roles[i].tid == given.roles[i].tid);
    CHECK(got.roles[i].start_ns == given.roles[i].start_ns);
    CHECK(got.roles[i].name == given.roles[i].name);
    CHECK(got.roles[i].evidence == given.roles[i].evidence);
    CHECK(got.roles[i].confidence == given.roles[i].confidence);
  }
}

}  // namespace

TEST_CASE("the union of all events has room for each kind") {
  uint32_t kinds = 0, largest = 0;
  for (unsigned kind = 0; kind <= UINT8_MAX; ++kind) {
    const uint32_t size = ts_event_size(static_cast<uint8_t>(kind));
    kinds += size != 0;
    largest = std::max(largest, size);
  }
  CHECK(kinds > 0);
  CHECK(sizeof(ts_any_event) == largest);
}

TEST_CASE("what is written to a recording is read back, field by field") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    check_round_trip(seed, false);
    check_round_trip(seed, true);
  }
}

namespace {

std::vector<Event> read_back(const std::string& file) {
  Collect collect;
  trace::read(*trace::in_memory(file), "made", collect);
  return collect.made.events;
}

trace::Header made_header(bool filtered) {
  trace::Header header;
  header.begin_ns = 1000;
  header.filtered = filtered;
  return header;
}

ts_event_switch made_switch(uint64_t time_ns, uint32_t prev_tid, uint32_t tid) {
  ts_event_switch record{};
  record.event = {time_ns, tid, 0, TS_EVENT_SWITCH, 120};
  record.prev_tid = prev_tid;
  record.prev_state = TS_LEAVING_SLEEP | TS_LEAVING_VOLUNTARY;
  return record;
}

ts_event_wake made_wake(uint64_t time_ns, uint32_t waker_tid, uint32_t tid) {
  ts_event_wake record{};
  record.event = {time_ns, tid, 0, TS_EVENT_WAKING, 120};
  record.waker_tid = waker_tid;
  record.context = TS_CONTEXT_HARDIRQ;
  return record;
}

// How many switches stand in the compact form, as a viewer sees them.
size_t switches_for_viewers(const std::string& file) {
  size_t count = 0;
  trace::Fields<trace::field::Trace> packets(file);
  while (packets.next()) {
    trace::Fields<trace::field::Packet> packet(packets.get_view());
    while (packet.next(trace::field::Packet::ftrace_events)) {
      trace::Fields<trace::field::Bundle> bundle(packet.get_view());
      while (bundle.next(trace::field::Bundle::compact_sched)) {
        trace::Fields<trace::field::Compact> compact(bundle.get_view());
        while (compact.next(trace::field::Compact::switch_next_pid)) {
          const auto tids = compact.get_packed_uint32();
          count += tids.size();
        }
      }
    }
  }
  return count;
}

}  // namespace

TEST_CASE("an event that is a little older than its core's last one is as old as that one") {
  trace::Writer writer(made_header(false));
  writer.event(made_switch(2000, 1, 2).event);
  writer.event(made_switch(1990, 2, 3).event);  // an interrupt came between clock and ring
  writer.flush();
  const std::vector<Event> events = read_back(writer.bytes());
  REQUIRE(events.size() == 2);
  CHECK(events[0].head.tid == 2);
  CHECK(events[1].head.tid == 3);
  CHECK(events[1].head.time_ns == 2000);
}

// They are in columns of their own, which only their times put in order again.
TEST_CASE("an interrupt's wake-up is read before the switch that it came into") {
  trace::Writer writer(made_header(false));
  writer.event(made_switch(1900, 0, 1).event);
  writer.event(made_wake(2005, 1, 7).event);
  writer.event(made_switch(2000, 1, 2).event);  // looked at the clock first
  writer.flush();
  const std::vector<Event> events = read_back(writer.bytes());
  REQUIRE(events.size() == 3);
  REQUIRE(events[1].head.kind == TS_EVENT_WAKING);
  CHECK(events[1].wake.waker_tid == 1);
  CHECK(events[1].head.time_ns == 2005);
  CHECK(events[2].head.tid == 2);
  CHECK(events[2].head.time_ns == 2005);
}

TEST_CASE("an event from before the recording's beginning is left out") {
  trace::Writer writer(made_header(false));
  writer.event(made_switch(999, 1, 2).event);
  writer.event(made_switch(1000, 2, 3).event);
  writer.flush();
  REQUIRE(read_back(writer.bytes()).size() == 1);
  CHECK(writer.events() == 1);
}

TEST_CASE("who is outside of a filter isn't drawn as running on") {
  for (const bool filtered : {false, true}) {
    trace::Writer writer(made_header(filtered));
    writer.event(made_switch(2000, 1, 2).event);  // nobody has introduced 2
    writer.flush();
    CHECK(read_back(writer.bytes()).size() == 1);
    CHECK(switches_for_viewers(writer.bytes()) == (filtered ? 2U : 1U));
  }
}
