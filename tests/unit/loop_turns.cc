// SPDX-License-Identifier: MIT
// Do looks at a loop from outside become the turns, times and blocks that it had? A made-up loop is
// looked at every 10 ms, at moments of which the test knows the truth.
#include "model/loop_turns.h"

#include <algorithm>

#include "tests/catch.h"

namespace timeslice::model {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kBlock = 50 * kMs;
constexpr uint64_t kStart = 1'000'000 * kMs;

// A loop as libuv keeps it, and its thread as the kernel counts it. Times are ms from its start.
struct MadeUpLoop {
  explicit MadeUpLoop(bool keeps = true) : keeps_times(keeps) { now.keeps_times = keeps; }

  // It waits for events: turns are counted as the wait begins.
  void wait_until(double ms, double ready_ms = 0) {
    *now.turns += 1;
    now.polls = true;
    if (keeps_times) now.entry_ns = at;
    pass(ms - ready_ms);
    now.polls = ready_ms == 0;
    waits = true;
    pass(ms);
    waits = false;
    now.polls = false;
    if (keeps_times) now.idle_ns += at - now.entry_ns;
    now.entry_ns = 0;
    now.time_ns = at / kMs * kMs;
  }
  void run_until(double ms) {
    runs = true;
    pass(ms);
    runs = false;
  }
  void sleep_in_a_call_until(double ms) { pass(ms); }
  void wait_for_a_cpu_until(double ms) {
    waits = true;
    pass(ms);
    waits = false;
  }

  void pass(double ms) {
    const uint64_t end = kStart + static_cast<uint64_t>(ms * 1e6);
    while (at < end) {
      const uint64_t next = std::min(end, next_look);
      if (runs) now.cpu_ns += next - at;
      if (waits) now.wait_ns += next - at;
      at = next;
      if (at != next_look) continue;
      LoopLook look = now;
      look.at_ns = at;
      if (runs && tick_ns) look.cpu_ns -= std::min(look.cpu_ns, at % tick_ns);
      watched.add(look);
      next_look += look_every;
    }
  }

  bool keeps_times, runs = false, waits = false;
  LoopLook now{.turns = 7};
  uint64_t tick_ns = 0;  // how often a running thread's CPU time is brought up to date; 0: always
  uint64_t at = kStart, next_look = kStart + 3 * kMs, look_every = 10 * kMs;
  LoopTurns watched{kBlock};
};

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace

TEST_CASE("a loop that waits is idle, and nothing is late on it") {
  MadeUpLoop loop;
  loop.wait_until(1000);
  const LoopFigures figures = loop.watched.take().value();
  CHECK(figures.interval_ns == 990 * kMs);
  CHECK(figures.idle_asleep_ns == 990 * kMs);
  CHECK(figures.active.sum() == 0);
  CHECK(figures.delay_max_ns == 0);
  CHECK(figures.longest_turn_ns == 0);
  CHECK(figures.turns == 0U);
  CHECK(figures.blocks.empty());
}

TEST_CASE("a turn between two waits is measured to the nanosecond, with what it was made of") {
  MadeUpLoop loop;
  loop.wait_until(104.25);
  loop.run_until(150.5);
  loop.wait_for_a_cpu_until(180);
  loop.sleep_in_a_call_until(207.125);
  loop.wait_until(500);
  const LoopFigures figures = loop.watched.take().value();
  REQUIRE(figures.blocks.size() == 1);
  const LoopBlock& block = figures.blocks[0];
  CHECK(block.ended);
  CHECK(ms(block.start_ns - kStart) == 104.25);
  CHECK(ms(block.duration_ns) == 207.125 - 104.25);
  CHECK(figures.longest_turn_ns == block.duration_ns);
  CHECK(ms(block.split.oncpu) == 46.25);
  CHECK(ms(block.split.wait) == 29.5);
  CHECK(ms(block.split.asleep) == 27.125);
  CHECK(ms(figures.active.oncpu) == 46.25);
  CHECK(ms(figures.active.wait) == 29.5);
  CHECK(ms(figures.active.asleep) == 27.125);
  CHECK(figures.active.sum() + figures.idle_asleep_ns + figures.idle_ready_ns ==
        figures.interval_ns);
  // Ten of 50 looks fell into it, the first of them 8.75 ms after its start.
  CHECK(ms(figures.delay_max_ns) == 207.125 - 113);
  CHECK(figures.delay_p50_ns == 0);
}

TEST_CASE("CPU time that is told late is CPU time all the same") {
  for (const uint64_t tick_ms : {1, 4, 10}) {
    MadeUpLoop loop;
    loop.tick_ns = tick_ms * kMs;
    loop.wait_until(104);
    loop.run_until(504);
    loop.wait_until(800);
    const LoopFigures figures = loop.watched.take().value();
    CAPTURE(tick_ms, figures.active.asleep);
    CHECK(ms(figures.active.oncpu) >= 400 - static_cast<double>(tick_ms));
    CHECK(ms(figures.active.sum()) == 400);
  }
}

TEST_CASE("a turn that one late look has met is told with what it waited, before and after that") {
  MadeUpLoop loop;
  loop.look_every = 100 * kMs;  // at 3, 103, 203
  loop.wait_until(4);
  loop.wait_for_a_cpu_until(160);
  loop.run_until(165);
  loop.wait_until(400);
  const LoopFigures figures = loop.watched.take().value();
  REQUIRE(figures.blocks.size() == 1);
  const LoopBlock& block = figures.blocks[0];
  CHECK(ms(block.start_ns - kStart) == 4);
  CHECK(ms(block.duration_ns) == 161);
  CHECK(ms(block.split.wait) == 156);
  CHECK(ms(block.split.oncpu) == 5);
  CHECK(block.split.asleep == 0);
}

TEST_CASE("short turns between a block and a wait hardly lengthen it") {
  MadeUpLoop loop;
  loop.wait_until(104);
  loop.run_until(200.5);
  loop.wait_until(200.5);
  loop.run_until(200.75);
  loop.wait_until(200.75);
  loop.run_until(201);
  loop.wait_until(400);
  const LoopFigures figures = loop.watched.take().value();
  REQUIRE(figures.blocks.size() == 1);
  CHECK(ms(figures.blocks[0].start_ns - kStart) == 104);
  CHECK(ms(figures.blocks[0].duration_ns) == 97);
}

TEST_CASE("a turn that goes on is a block before it has ended, and one block in all") {
  MadeUpLoop loop;
  loop.wait_until(104);
  loop.run_until(180);
  const LoopFigures before = loop.watched.take().value();
  REQUIRE(before.blocks.size() == 1);
  CHECK_FALSE(before.blocks[0].ended);
  CHECK(ms(before.blocks[0].duration_ns) == 173 - 104);
  loop.run_until(300);
  loop.wait_until(400);
  const LoopFigures after = loop.watched.take().value();
  REQUIRE(after.blocks.size() == 1);
  CHECK(after.blocks[0].ended);
  CHECK(after.blocks[0].start_ns == before.blocks[0].start_ns);
  CHECK(ms(after.blocks[0].duration_ns) == 300 - 104);
  loop.wait_until(500);
  CHECK(loop.watched.take().value().blocks.empty());
}

TEST_CASE("a turn that never ends stays small in memory and is told at each refresh") {
  MadeUpLoop loop;
  loop.wait_until(100);
  for (int second = 1; second <= 3; ++second) {
    loop.run_until(100 + second * 1000);
    const LoopFigures figures = loop.watched.take().value();
    REQUIRE(figures.blocks.size() == 1);
    CHECK(ms(figures.blocks[0].start_ns - kStart) == 100);
    CHECK(ms(figures.delay_max_ns) <= 1000);
  }
}

TEST_CASE("a thousand short turns are no block, however they fall on the looks") {
  const uint64_t look_every = GENERATE(10 * kMs, 300 * kMs);  // also where the looks come late
  for (const double wait : {0.0, 0.1, 1.0}) {
    MadeUpLoop loop;
    loop.look_every = look_every;
    double at = 0;
    for (int i = 0; i < 1000; ++i) {
      loop.wait_until(at += wait);
      loop.run_until(at += 1);
    }
    const LoopFigures figures = loop.watched.take().value();
    CAPTURE(look_every, wait, figures.longest_turn_ns);
    CHECK(figures.blocks.empty());
    CHECK(figures.longest_turn_ns <= 2 * kMs);  // its own, and a clock's
    CHECK(figures.turns.value() > 800);
  }
}

TEST_CASE("of many turns between two looks, the one that a look met isn't given all their time") {
  MadeUpLoop loop;
  double at = 0;
  for (int i = 0; i < 3000; ++i) {
    loop.wait_until(at);
    loop.run_until(at += i % 40 == 0 ? 8 : 0.3);
  }
  const LoopFigures figures = loop.watched.take().value();
  CHECK(figures.blocks.empty());
  CHECK(figures.longest_turn_ns >= 7 * kMs);
  CHECK(figures.longest_turn_ns <= 9 * kMs + kMs / 2);  // a clock's ms, and a share
}

TEST_CASE("ready, but waiting for a CPU between turns is idle time of its own") {
  MadeUpLoop loop;
  loop.wait_until(120, 20);
  loop.run_until(125);
  loop.wait_until(300);
  const LoopFigures figures = loop.watched.take().value();
  CHECK(ms(figures.idle_ready_ns) == 20);
  CHECK(ms(figures.active.oncpu) == 5);
  CHECK(figures.active.wait == 0);
}

TEST_CASE("a libuv loop that keeps no times has its blocks and its idle time all the same") {
  MadeUpLoop loop(false);
  loop.wait_until(100);
  loop.run_until(220);
  loop.wait_until(500);
  const LoopFigures figures = loop.watched.take().value();
  REQUIRE(figures.blocks.size() == 1);
  CHECK(ms(figures.blocks[0].duration_ns) > 110);
  CHECK(ms(figures.blocks[0].duration_ns) < 130);
  CHECK(ms(figures.active.oncpu) == 120);
  CHECK(ms(figures.idle_asleep_ns) == 370);
}

TEST_CASE("a wait in the count of a turn means that the turn had ended before the look") {
  LoopTurns turns(kBlock);
  LoopLook look{.at_ns = kStart, .turns = 5, .keeps_times = true, .time_ns = kStart - 90 * kMs};
  turns.add(look);  // between the count and the wait
  look.at_ns += 10 * kMs;
  look.entry_ns = kStart + 1000;
  look.polls = true;
  turns.add(look);
  const LoopFigures figures = turns.take().value();
  CHECK(figures.blocks.empty());
  CHECK(figures.longest_turn_ns == 0);
}

TEST_CASE("clocks that run backwards make no time") {
  LoopTurns turns(kBlock);
  LoopLook look{.at_ns = kStart,
                .turns = 5,
                .keeps_times = true,
                .entry_ns = kStart + kMs,
                .idle_ns = 50 * kMs,
                .cpu_ns = 9 * kMs,
                .wait_ns = 9 * kMs};
  turns.add(look);
  look = LoopLook{.at_ns = kStart + 10 * kMs, .turns = 2, .keeps_times = true};
  turns.add(look);
  const LoopFigures figures = turns.take().value();
  CHECK(figures.turns == 0U);
  CHECK(figures.active.sum() + figures.idle_asleep_ns + figures.idle_ready_ns == 10 * kMs);
}

TEST_CASE("what a wait for events takes on a CPU isn't idle where that call also works") {
  for (const bool works : {false, true}) {
    CAPTURE(works);
    MadeUpLoop loop;
    loop.now.works_in_waits = works;
    *loop.now.turns += 1;
    loop.now.entry_ns = loop.at;
    loop.run_until(103);
    loop.pass(203);
    const LoopFigures figures = *loop.watched.take();
    CHECK(figures.interval_ns == 200 * kMs);
    CHECK(figures.active.oncpu == (works ? 100 * kMs : 0));
    CHECK(figures.active.sum() == figures.active.oncpu);
    CHECK(figures.idle_asleep_ns == 200 * kMs - figures.active.oncpu);
  }
}

}  // namespace timeslice::model
