// SPDX-License-Identifier: MIT
// How were threads and cores at the moment at which a recording begins?
#include "model/settle.h"

#include <string>

#include "tests/catch.h"
#include "tests/unit/events.h"

namespace timeslice::model {

namespace {

using made_up::asleep;
using made_up::dead;
using made_up::switched;

constexpr uint64_t kBegin = 1000, kMoment = 2000;

template <typename Event>
void add(Meanwhile& meanwhile, const Event& event) {
  meanwhile.add(reinterpret_cast<const ts_event&>(event));
}

ts_core_row core(uint32_t cpu, uint32_t queue_len,
                 uint32_t have = TS_HAVE_CORE_QUEUE | TS_HAVE_CORE_BUSY) {
  ts_core_row row{};
  row.record.have = have;
  row.cpu = cpu;
  row.queue_len = queue_len;
  return row;
}

ts_thread_row on_core(uint32_t tid, int cpu) {
  ts_thread_row row{};
  row.tid = row.tgid = tid;
  row.flags = TS_THREAD_ON_CPU;
  row.state = 'R';
  row.cpu = cpu;
  return row;
}

using Numbers = std::vector<uint32_t>;

Numbers idle(const std::vector<ts_core_row>& cores, const Meanwhile& meanwhile,
             const std::vector<ts_thread_row>& settled = {}) {
  return idle_cores(cores, settled, kBegin, kMoment, meanwhile);
}

// Thread 11 of process 10, which began at 50, execs while the pass goes on.
struct Exec {
  ts_thread_row leader = counted(10, 50, 3, 0), follower = counted(11, 60, 100, 7);

  static ts_thread_row counted(uint32_t tid, uint64_t start_ns, uint64_t nvcsw, uint64_t nivcsw) {
    ts_thread_row row{};
    row.record.have = TS_HAVE_SWITCHES;
    row.tid = tid;
    row.tgid = 10;
    row.start_ns = start_ns;
    row.nvcsw = nvcsw;
    row.nivcsw = nivcsw;
    row.state = 'R';
    return row;
  }
  static ts_event_identity told(uint64_t time_ns) {
    ts_event_identity event = made_up::forked(time_ns, 1, 11, 10, 10, 50, "execed");
    event.event.kind = TS_EVENT_EXEC;
    return event;
  }
  [[nodiscard]] std::vector<ts_thread_row> settled(const Meanwhile& meanwhile) const {
    const ts_thread_row* both[] = {&leader, &follower};
    return settle(both, kBegin, kMoment, kMoment, meanwhile);
  }
};

// Its counters, this switch included.
ts_event_switch left(uint64_t time_ns, uint16_t cpu, uint32_t tid, uint16_t state, uint8_t nvcsw,
                     uint8_t nivcsw) {
  ts_event_switch event = switched(time_ns, cpu, tid, state, 0);
  event.prev_nvcsw = nvcsw;
  event.prev_nivcsw = nivcsw;
  return event;
}

}  // namespace

TEST_CASE("a core with nobody in its queue is idle, unless somebody is seen on it") {
  CHECK(idle({core(2, 0), core(0, 0), core(1, 1)}, {}) == Numbers{0, 2});
  CHECK(idle({core(2, 0), core(0, 0)}, {}, {on_core(7, 2)}) == Numbers{0});
  CHECK(idle({core(0, 0, TS_HAVE_CORE_BUSY)}, {}).empty());   // its queue wasn't read
  CHECK(idle({core(0, 0, TS_HAVE_CORE_QUEUE)}, {}).empty());  // it is offline
}

TEST_CASE("what a core did since the pass began tells better whether it is idle") {
  Meanwhile meanwhile;
  add(meanwhile, switched(kBegin - 1, 3, 7, asleep, 0));  // before
  add(meanwhile, switched(kBegin + 1, 0, 7, asleep, 0));
  add(meanwhile, switched(kBegin + 2, 1, 0, 0, 8));
  add(meanwhile, switched(kBegin + 3, 2, 9, asleep, 0));
  add(meanwhile, made_up::lost(kBegin + 4, 2, 1));
  add(meanwhile, switched(kMoment + 1, 1, 8, asleep, 0));  // after
  CHECK(idle({core(0, 1), core(1, 0), core(2, 0), core(3, 1)}, meanwhile) == Numbers{0});
}

TEST_CASE("a thread that execs while a pass goes on has one row, under its leader's number") {
  const Exec exec;
  Meanwhile meanwhile;
  add(meanwhile, left(kBegin + 1, 0, 10, dead, 4, 0));
  add(meanwhile, exec.told(kBegin + 2));
  add(meanwhile, left(kBegin + 3, 1, 10, asleep, 101, 7));  // it is the follower's now
  const auto rows = exec.settled(meanwhile);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].tid == 10);
  CHECK(rows[0].nvcsw == 101);
  CHECK(rows[0].nivcsw == 7);
  CHECK(rows[0].state == 'S');
  CHECK(std::string(rows[0].comm) == "execed");
}

TEST_CASE("a leader that leaves for good after its number is another's doesn't end that one") {
  const Exec exec;
  Meanwhile meanwhile;
  add(meanwhile, exec.told(kBegin + 2));
  add(meanwhile, left(kBegin + 3, 0, 10, dead, 4, 0));
  const auto rows = exec.settled(meanwhile);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].nvcsw == 100);
  add(meanwhile, left(kBegin + 4, 1, 10, dead, 101, 7));  // now it is the follower itself
  CHECK(exec.settled(meanwhile).empty());
}

TEST_CASE("of a row that may be the leader's or its follower's, only the name is known") {
  const Exec exec;
  const ts_thread_row* one[] = {&exec.leader};
  for (const uint64_t told_ns : {kBegin + 2, kMoment + 2}) {  // in time, or after the moment
    Meanwhile meanwhile;
    add(meanwhile, left(kBegin + 1, 0, 10, dead, 4, 0));
    add(meanwhile, exec.told(told_ns));
    const auto rows = settle(one, kBegin, kMoment, kMoment, meanwhile);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].tid == 10);
    CHECK(rows[0].record.have == 0);
    CHECK(rows[0].nvcsw == 0);
  }
}

TEST_CASE("nor is the row dropped when the leader leaves after its number is another's") {
  const Exec exec;
  const ts_thread_row* one[] = {&exec.leader};
  Meanwhile meanwhile;
  add(meanwhile, exec.told(kBegin + 2));
  add(meanwhile, left(kBegin + 3, 0, 10, dead, 4, 0));
  const auto rows = settle(one, kBegin, kMoment, kMoment, meanwhile);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].record.have == 0);
}

TEST_CASE("a number that is given to a new thread while a pass goes on is that one's") {
  const Exec exec;
  Meanwhile meanwhile;
  add(meanwhile, left(kBegin + 1, 0, 11, dead, 101, 7));
  add(meanwhile, made_up::forked(kBegin + 2, 0, 10, 10, 11, 99));
  add(meanwhile, left(kBegin + 3, 1, 11, asleep, 1, 0));
  const auto rows = exec.settled(meanwhile);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].start_ns == 99);
  CHECK(rows[1].nvcsw == 1);
}

// A pass reads a row at some moment of it; which of the records are in the row already?

namespace {

constexpr uint64_t kEnd = 1500;  // of the pass

ts_thread_row row_with(char state, int cpu, uint64_t nvcsw, uint64_t slices) {
  ts_thread_row row = on_core(7, cpu);
  row.start_ns = 70;
  row.state = state;
  if (state != 'R') row.flags = 0;
  row.nvcsw = nvcsw;
  row.slices = slices;
  row.run_delay_ns = 500;
  return row;
}

ts_thread_row settled(const ts_thread_row& row, const Meanwhile& meanwhile) {
  const ts_thread_row* one[] = {&row};
  const auto rows = settle(one, kBegin, kEnd, kMoment, meanwhile);
  REQUIRE(rows.size() == 1);
  return rows[0];
}

}  // namespace

TEST_CASE("an arrival that the row shows already isn't counted twice") {
  Meanwhile meanwhile;
  add(meanwhile, switched(kBegin + 10, 0, 0, 0, 7, 30));
  const ts_thread_row row = settled(row_with('R', 0, 3, 5), meanwhile);
  CHECK(row.slices == 5);
  CHECK(row.run_delay_ns == 500);
  CHECK(row.flags == TS_THREAD_ON_CPU);
}

TEST_CASE("an arrival on another core than the row's isn't in it") {
  Meanwhile meanwhile;
  add(meanwhile, switched(kBegin + 10, 1, 0, 0, 7, 30));
  const ts_thread_row row = settled(row_with('S', 0, 3, 5), meanwhile);
  CHECK(row.slices == 6);
  CHECK(row.run_delay_ns == 530);
  CHECK(row.cpu == 1);
  CHECK(row.flags == TS_THREAD_ON_CPU);
  CHECK(row.state == 'R');
}

TEST_CASE("who left uncounted after its row was read came back uncounted, too") {
  Meanwhile meanwhile;
  add(meanwhile, left(kBegin + 10, 0, 7, asleep, 4, 0));
  add(meanwhile, switched(kBegin + 20, 0, 0, 0, 7, 8));
  const ts_thread_row row = settled(row_with('R', 0, 3, 5), meanwhile);
  CHECK(row.nvcsw == 4);
  CHECK(row.slices == 6);
  CHECK(row.run_delay_ns == 508);
}

TEST_CASE("what comes before a counted switch is counted") {
  Meanwhile meanwhile;
  add(meanwhile, switched(kBegin + 10, 0, 0, 0, 7, 30));
  add(meanwhile, left(kBegin + 20, 0, 7, asleep, 3, 0));  // as the row has it
  const ts_thread_row row = settled(row_with('S', 0, 3, 5), meanwhile);
  CHECK(row.nvcsw == 3);
  CHECK(row.slices == 5);
  CHECK(row.state == 'S');
}

TEST_CASE("who waits at the moment has waited since it was woken, or since it lost its core") {
  Meanwhile meanwhile;
  SECTION("woken") {
    add(meanwhile, made_up::woken(kBegin + 100, 1, 7, 9));
    const ts_thread_row row = settled(row_with('S', 0, 3, 5), meanwhile);
    CHECK(row.state == 'R');
    CHECK(row.pending_wait_ns == kMoment - kBegin - 100);
  }
  SECTION("preempted") {
    add(meanwhile, left(kBegin + 100, 0, 7, made_up::preempted, 3, 1));
    const ts_thread_row row = settled(row_with('R', 0, 3, 5), meanwhile);
    CHECK(row.nivcsw == 1);
    CHECK(row.flags == 0);
    CHECK(row.pending_wait_ns == kMoment - kBegin - 100);
  }
}

TEST_CASE("a migration within the pass is counted if the row is still on the core that it left") {
  Meanwhile meanwhile;
  add(meanwhile, made_up::migrated(kBegin + 10, 7, 0, 1, 520));
  const ts_thread_row before = settled(row_with('S', 0, 3, 5), meanwhile);
  CHECK(before.migrations == 1);
  CHECK(before.cpu == 1);
  CHECK(before.run_delay_ns == 520);  // with the part of a wait that the kernel added then
  const ts_thread_row after = settled(row_with('S', 1, 3, 5), meanwhile);
  CHECK(after.migrations == 0);
  CHECK(after.run_delay_ns == 500);
}

TEST_CASE("a thread that is born while a pass goes on has a row, and one that ends has none") {
  Meanwhile meanwhile;
  add(meanwhile, made_up::forked(kBegin + 10, 1, 7, 7, 8, 80, "new"));
  add(meanwhile, left(kBegin + 20, 0, 7, dead, 4, 0));
  const ts_thread_row old = row_with('R', 0, 3, 5);
  const ts_thread_row* one[] = {&old};
  const auto rows = settle(one, kBegin, kEnd, kMoment, meanwhile);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].tid == 8);
  CHECK(rows[0].state == 'R');
  CHECK(rows[0].pending_wait_ns == kMoment - kBegin - 10);
}

}  // namespace timeslice::model
