// SPDX-License-Identifier: MIT
// Do timers fire in order, on time and not before, however many there are?
#include <algorithm>
#include <memory>
#include <random>

#include "loop/core/lazy_timer.h"
#include "tests/loop/sleeps.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

TEST_ON_EACH_BACKEND(
    "ten thousand timers fire in the order of their deadlines, half of them cancelled") {
  constexpr int kTimers = 10'000;
  const auto seed = GENERATE(1U, 20260801U);
  CAPTURE(seed);
  std::mt19937 random(seed);
  GuardedLoop loop(options);
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<int> fired;
  std::vector<int> expected;
  for (int i = 0; i < kTimers; ++i) {
    timers.push_back(std::make_unique<Timer>(loop, [&fired, i] { fired.push_back(i); }));
    timers.back()->start(std::chrono::microseconds(random() % 50'000));
  }
  for (int i = 0; i < kTimers; ++i) {
    if (random() % 2 != 0)
      timers[static_cast<std::size_t>(i)]->stop();
    else
      expected.push_back(i);
  }
  std::stable_sort(expected.begin(), expected.end(), [&](int a, int b) {
    return timers[static_cast<std::size_t>(a)]->deadline() <
           timers[static_cast<std::size_t>(b)]->deadline();
  });
  loop.run();
  CHECK(fired == expected);
}

TEST_ON_EACH_BACKEND("a delay counts from its start, however long that callback has run") {
  using Clock = std::chrono::steady_clock;
  constexpr auto kTime = 20ms;
  Pipe pipe;
  char byte = 0;
  Request reading;
  GuardedLoop loop(options);
  Clock::time_point begun;
  Nanoseconds timer_took{0}, request_took{0};
  Timer timer(loop, [&] { timer_took = Clock::now() - begun; });
  loop.set_immediate([&] {
    for (const auto now = Clock::now(); Clock::now() - now < 2 * kTime;) {
    }
    begun = Clock::now();
    timer.start(kTime);
    loop.read(reading, pipe.out.get(), &byte, 1, kCurrentPosition,
              [&](Request&) { request_took = Clock::now() - begun; });
    reading.expire_after(kTime);
  });
  loop.run();
  CHECK(timer_took >= kTime);
  CHECK(request_took >= kTime);
  CHECK(reading.result() == -ETIMEDOUT);
}

// Its own clock is the loop's, so that what is moved in one turn is due in one turn.
TEST_ON_EACH_BACKEND("a lazy timer fires once, at the last time that it was given") {
  GuardedLoop loop(options);
  Nanoseconds due{0};
  int fired = 0;
  LazyTimer lazy(loop, [&] {
    ++fired;
    CHECK(loop.now() >= due);
  });
  const auto give = [&](Nanoseconds delay) {
    due = loop.now() + delay;
    lazy.start(delay);
  };
  int moved = 0;
  Timer move(loop, [&] {
    if (++moved == 20) return move.stop();
    if (fired == 0) give(30ms);
  });
  move.start(2ms, 2ms);
  give(20ms);
  loop.run();
  CHECK(fired == 1);
  give(1h);
  give(3ms);  // earlier than the current time
  loop.run();
  CHECK(fired == 2);
}

TEST_ON_EACH_BACKEND(
    "a lazy timer at rest makes no callback, and a stopped one doesn't keep the loop alive") {
  GuardedLoop loop(options);
  int fired = 0;
  LazyTimer lazy(loop, [&] { ++fired; });
  lazy.start(2ms);
  lazy.rest();
  loop.run();
  CHECK(fired == 0);
  lazy.start(1h);
  lazy.rest();
  lazy.start(Nanoseconds::max());
  lazy.stop();
  loop.run();  // ends
  CHECK(fired == 0);
}

TEST_ON_EACH_BACKEND("the longest time never ends, and delays no others") {
  constexpr Nanoseconds kLongest = Nanoseconds::max();
  Pipe pipe;
  char byte = 0;
  Request reading;
  GuardedLoop loop(options);
  int early = 0, once = 0;
  Timer never(loop, [&] { ++early; });
  Timer nearly_never(loop, [&] { ++early; });
  Timer again(loop, [&] { ++once; });
  int result = 1;
  loop.read(reading, pipe.out.get(), &byte, 1, kCurrentPosition,
            [&](Request& done) { result = done.result(); });
  reading.expire_after(kLongest);
  never.start(kLongest);
  nearly_never.start(kLongest - 1ns);
  again.start(1ms, kLongest);
  Timer end(loop, [&] {
    CHECK(once == 1);
    CHECK(reading.in_flight());
    reading.cancel();
    for (Timer* timer : {&never, &nearly_never, &again}) timer->stop();
  });
  end.start(20ms);
  loop.run();
  CHECK(early == 0);
  CHECK(result == -ECANCELED);
  CHECK(end.deadline() < kLongest);
}

TEST_ON_EACH_BACKEND("a timer never fires early, and the loop sleeps until it is due") {
  GuardedLoop loop(options);
  check_sleeps(loop, {1ms, 7ms, 30ms});
}

TEST_ON_EACH_BACKEND("timers with the same deadline fire in the order in which they were started") {
  GuardedLoop loop(options);
  std::string order;
  std::vector<std::unique_ptr<Timer>> timers;
  for (const char letter : std::string("abcdefghij"))
    timers.push_back(std::make_unique<Timer>(loop, [&order, letter] { order += letter; }));
  for (auto& timer : timers) timer->start(1ms);
  timers[0]->start(1ms);  // started again: now the last
  loop.run();
  CHECK(order == "bcdefghija");
}

TEST_ON_EACH_BACKEND("a repeating timer keeps its interval and can stop itself") {
  GuardedLoop loop(options);
  int beats = 0;
  Nanoseconds first{0};
  Timer timer(loop, [&] {
    if (++beats == 1) first = timer.deadline();
    if (beats == 5) timer.stop();
  });
  timer.start(2ms, 3ms);
  loop.run();
  CHECK(beats == 5);
  CHECK((timer.deadline() - first) % 3ms == 0ms);
}

TEST_ON_EACH_BACKEND("a repeating timer skips the times that a long callback made it miss") {
  GuardedLoop loop(options);
  int beats = 0;
  Timer timer(loop, [&] {
    if (++beats == 2) return timer.stop();
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start < 20ms) {
    }
  });
  timer.start(1ms, 1ms);
  loop.run();
  CHECK(beats == 2);
}

TEST_ON_EACH_BACKEND("timers may stop, restart and destroy timers that are due in the same turn") {
  GuardedLoop loop(options);
  std::string order;
  auto doomed = std::make_unique<Timer>(loop, [&] { order += "doomed "; });
  auto self = std::make_unique<Timer>(loop, Task{});
  Timer stopped(loop, [&] { order += "stopped "; });
  Timer again(loop, [&] { order += "again "; });
  Timer killer(loop, [&] {
    order += "killer ";
    doomed.reset();
    stopped.stop();
    again.start(1ms);
  });
  self = std::make_unique<Timer>(loop, [&] {
    self.reset();
    order += "self ";
  });
  killer.start(0ms);
  doomed->start(0ms);
  stopped.start(0ms);
  again.start(0ms);
  self->start(0ms);
  loop.run();
  CHECK(order == "killer self again ");
}

TEST_ON_EACH_BACKEND("a timer without delay, started by a timer, fires in the next turn") {
  GuardedLoop loop(options);
  std::vector<std::uint64_t> turns;
  Timer timer(loop, [&] {
    turns.push_back(loop.counters().turns);
    if (turns.size() < 3) timer.start(0ms);
  });
  timer.start(0ms);
  loop.run();
  CHECK(turns == std::vector<std::uint64_t>{0, 1, 2});
}

}  // namespace timeslice::loop::test
