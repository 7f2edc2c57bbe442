// SPDX-License-Identifier: MIT
// Is what our own loops tell of themselves read as they tell it, and is nothing believed that a
// hostile process may have written in its place?
#include "runtime/published_loops.h"

#include "tests/catch.h"
#include "tests/unit/made_published.h"

namespace timeslice::runtime {

namespace {

using made_published::kNames;
using made_published::kTable;
using made_published::Table;

std::vector<PublishedLoopState> loops_of(Table& made) {
  const auto answer = read_published_table(made.memory, kTable);
  REQUIRE(answer.table);
  return read_published_loops(made.memory, kTable, *answer.table);
}

}  // namespace

TEST_CASE("each of our loops that runs is read, with its thread and its figures") {
  Table made;
  made.put(0, Table::loop(0));
  made.put(3, Table::loop(3));
  const auto loops = loops_of(made);
  REQUIRE(loops.size() == 2);
  CHECK(loops[0].address == Table::place(0));
  CHECK(loops[1].address == Table::place(3));
  CHECK(loops[1].tid == 103);
  CHECK(loops[1].thread_pointer == 0x7f0000993000);
  CHECK(loops[1].turns == 9);
  CHECK(loops[1].entry_ns == 5000);
  CHECK(loops[1].idle_ns == 6000);
  CHECK(loops[1].time_ns == 7000);
  const auto again = read_published_loop(made.memory, Table::place(3), 73);
  REQUIRE(again);
  CHECK(again->turns == 9);
  CHECK_FALSE(read_published_loop(made.memory, Table::place(3), 74));  // another loop by now
  const auto pool = read_published_pool(made.memory, Table::place(3));
  REQUIRE(pool);
  CHECK(pool->threads == 4);
  CHECK(pool->idle == 1);
  CHECK(pool->queued == 3);
  CHECK(pool->slow == 2);
}

TEST_CASE("a place without a loop, or whose loop doesn't run, is none") {
  Table made;
  PublishedLoop loop = Table::loop(0);
  SECTION("nobody's") { loop.self = 0; }
  SECTION("taken, and not yet a loop's") { loop.self = 1; }
  SECTION("of another place") { loop.self = Table::place(1); }
  SECTION("before its first turn") { loop.turns = 0; }
  SECTION("stopped") { loop.phase = 0; }
  SECTION("of no thread") { loop.tid = 0; }
  made.put(0, loop);
  CHECK(loops_of(made).empty());
  CHECK_FALSE(read_published_loop(made.memory, Table::place(0), 70));
}

TEST_CASE(
    "a table is none before its process had a loop, and refused with a reason if it differs") {
  Table made;
  SECTION("none yet") {
    made.header.magic = 0;
    made.put();
    const auto answer = read_published_table(made.memory, kTable);
    CHECK_FALSE(answer.table);
    CHECK(answer.why.empty());
  }
  SECTION("another version") {
    const auto which = GENERATE(0, 1, 2);
    if (which == 0) ++made.header.magic;
    if (which == 1) ++made.header.version;
    if (which == 2) made.header.size *= 2;
    made.put();
    const auto answer = read_published_table(made.memory, kTable);
    CHECK_FALSE(answer.table);
    CHECK(answer.why == "its event loops are of another version than this timeslice knows");
  }
  SECTION("not readable") {
    for (const uint64_t at : {uint64_t{0}, kTable + 8, uint64_t{0x7f0000f00000}, UINT64_MAX - 63}) {
      const auto answer = read_published_table(made.memory, at);
      CHECK_FALSE(answer.table);
      CHECK(answer.why == "its event loops' table can't be read");
    }
  }
}

TEST_CASE("no more places are read than a table has, whatever it says") {
  Table made;
  made.put(255, Table::loop(255));
  made.header.used = UINT32_MAX;
  made.put();
  const auto loops = loops_of(made);
  REQUIRE(loops.size() == 1);
  CHECK(loops[0].tid == 355);
  CHECK(made.memory.bytes_read <= sizeof(PublishedLoops));
}

TEST_CASE("a pool with more idle threads than there are, or too many, is none") {
  Table made;
  PublishedLoop loop = Table::loop(0);
  SECTION("idle") { loop.pool_idle = 5; }
  SECTION("too many") { loop.pool_threads = 1025; }
  SECTION("nobody's") { loop.self = 0; }
  made.put(0, loop);
  CHECK_FALSE(read_published_pool(made.memory, Table::place(0)));
}

TEST_CASE("phases and callbacks are told by name, and only by what a name can be") {
  Table made;
  PublishedLoop loop = Table::loop(0);
  made.name(kNames, "poll");
  made.name(kNames + 8, "recv_many");
  const auto state = [&] {
    made.put(0, loop);
    return *read_published_loop(made.memory, Table::place(0), 70);
  };
  CHECK(published_phase(made.memory, state()) == "poll");
  CHECK(published_callback(made.memory, state()) == "recv_many");

  made.name(kNames, "check");  // where no operation is called back
  CHECK(published_callback(made.memory, state()).empty());
  made.name(kNames, "pending");
  CHECK(published_callback(made.memory, state()) == "recv_many");
  loop.callback = 0;
  CHECK(published_callback(made.memory, state()).empty());

  for (const char* hostile :
       {"\x1b[31m", "two words", "Poll", "", "a_name_that_never_ends_at_all"}) {
    made.name(kNames, hostile);
    CAPTURE(hostile);
    CHECK(published_phase(made.memory, state()).empty());
  }
  loop.phase = 0x7f0000f00000;  // nothing is there
  CHECK(published_phase(made.memory, state()).empty());
  loop.phase = UINT64_MAX - 3;
  CHECK(published_phase(made.memory, state()).empty());

  // At the end of what can be read: with its zero, and without.
  loop.phase = kNames + 0x20 - 5;
  made.name(loop.phase, "poll");
  CHECK(published_phase(made.memory, state()) == "poll");
  made.memory.put(loop.phase, "polls", 5);
  CHECK(published_phase(made.memory, state()).empty());
}

}  // namespace timeslice::runtime
