// SPDX-License-Identifier: MIT
// Do the phases come in the documented order, and does the loop end when it should?
#include <poll.h>

#include <stdexcept>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// Collects words, so that a whole order of events is one string.
struct Trace {
  std::string words;
  void add(const std::string& word) { words += (words.empty() ? "" : " ") + word; }
  Task adder(const std::string& word) {
    return [this, word] { add(word); };
  }
};

void make_readable(const Pipe& pipe) { REQUIRE(::write(pipe.in.get(), "x", 1) == 1); }

}  // namespace

TEST_ON_EACH_BACKEND(
    "phases come in libuv's order, with ticks and microtasks after each callback") {
  options.sim.faults = false;  // an attempt that is put off comes a turn later
  Trace trace;
  Pipe pipe;
  Request readable;
  GuardedLoop loop(options);

  std::vector<std::unique_ptr<Hook>> hooks;
  const auto hook = [&](Phase phase, const std::string& word) {
    hooks.push_back(std::make_unique<Hook>(loop, phase, [&, word] {
      trace.add(word);
      loop.queue_microtask(trace.adder(word + ".micro"));
      loop.next_tick(trace.adder(word + ".tick"));
    }));
    hooks.back()->unref();
    hooks.back()->start();
  };
  hook(Phase::check, "check");
  hook(Phase::prepare, "prepare");
  hook(Phase::idle, "idle");

  Timer late(loop, trace.adder("late-timer"));
  Timer early(loop, trace.adder("entry-timer"));
  early.start(0ms);
  make_readable(pipe);
  loop.poll(readable, pipe.out.get(), POLLIN, [&](Request& request) {
    trace.add(request.result() == POLLIN ? "poll" : "poll?");
    loop.at_close(trace.adder("close"));
    loop.set_immediate(trace.adder("immediate"));
    late.start(0ms);
    loop.queue_microtask(trace.adder("poll.micro"));
    loop.next_tick(trace.adder("poll.tick"));
  });
  loop.queue_microtask(trace.adder("main.micro"));
  loop.next_tick(trace.adder("main.tick"));
  loop.run();

  CHECK(trace.words ==
        "main.tick main.micro entry-timer "
        "idle idle.tick idle.micro prepare prepare.tick prepare.micro "
        "poll poll.tick poll.micro check check.tick check.micro immediate close late-timer");
  CHECK(loop.counters().turns == 1);
  CHECK(loop.counters().events == 1);
}

TEST_ON_EACH_BACKEND("inside an I/O callback an immediate always runs before a timeout") {
  Trace trace;
  Pipe pipe;
  Request readable;
  GuardedLoop loop(options);
  Timer timeout(loop, trace.adder("timeout"));
  int rounds = 5;
  make_readable(pipe);
  const Done round = [&](Request&) {
    timeout.start(0ms);
    loop.set_immediate(trace.adder("immediate"));
    loop.queue_microtask(trace.adder("microtask"));
    loop.next_tick(trace.adder("nextTick"));
  };
  std::string expected;
  while (rounds-- > 0) {
    loop.poll(readable, pipe.out.get(), POLLIN, round);
    loop.run();
    expected += std::string(expected.empty() ? "" : " ") + "nextTick microtask immediate timeout";
  }
  CHECK(trace.words == expected);
}

TEST_ON_EACH_BACKEND(
    "ticks go before microtasks, and what they queue is run before the loop goes on") {
  Trace trace;
  GuardedLoop loop(options);
  loop.set_immediate([&] {
    loop.queue_microtask([&] {
      trace.add("m1");
      loop.next_tick(trace.adder("t3"));
      loop.queue_microtask(trace.adder("m2"));
    });
    loop.next_tick([&] {
      trace.add("t1");
      loop.next_tick(trace.adder("t2"));
    });
  });
  loop.set_immediate(trace.adder("next-immediate"));
  loop.run();
  CHECK(trace.words == "t1 t2 m1 m2 t3 next-immediate");
}

TEST_ON_EACH_BACKEND("an immediate queued by an immediate waits for the next turn") {
  GuardedLoop loop(options);
  std::vector<std::uint64_t> turns;
  loop.set_immediate([&] {
    turns.push_back(loop.counters().turns);
    loop.set_immediate([&] { turns.push_back(loop.counters().turns); });
  });
  loop.run();
  CHECK(turns == std::vector<std::uint64_t>{1, 2});
}

TEST_ON_EACH_BACKEND("a request that ended without waiting is called back in the pending phase") {
  Trace trace;
  SocketPair pair;
  Request sending;
  GuardedLoop loop(options);
  Hook idle(loop, Phase::idle, [&] {
    trace.add("idle");
    idle.stop();
  });
  loop.set_immediate([&] {
    loop.send(sending, pair.a.get(), "x", 1,
              [&](Request& done) { trace.add(std::string("sent-") + name_of(done.route())); });
    idle.start();
  });
  loop.run();
  // With epoll a send is tried immediately; others perform it with the next wait.
  const char* expected = "sent-inline idle";
  if (options.backend == BackendKind::uring) expected = "idle sent-unknown";
  if (options.backend == BackendKind::sim) expected = "idle sent-poll";
  CHECK(trace.words == expected);
}

TEST_ON_EACH_BACKEND("a loop with nothing alive returns right away, and may be run again") {
  GuardedLoop loop(options);
  loop.run();
  CHECK(loop.counters().turns == 0);
  int ticks = 0;
  loop.next_tick([&] { ++ticks; });
  loop.run();
  CHECK(ticks == 1);
  CHECK(loop.counters().turns == 0);
  loop.set_immediate([&] { ++ticks; });
  loop.run();
  CHECK(ticks == 2);
  CHECK(loop.counters().turns == 1);
  CHECK_FALSE(loop.alive());
}

TEST_ON_EACH_BACKEND(
    "what is unreferenced doesn't keep the loop alive, but is served while it runs") {
  Pipe pipe;
  Request never;
  GuardedLoop loop(options);
  int beats = 0;
  Timer background(loop, [&] { ++beats; });
  background.unref();
  background.start(1ms, 1ms);
  never.unref();
  loop.poll(never, pipe.out.get(), POLLIN, {});
  Waker waker(loop, {});
  waker.unref();
  loop.run();
  CHECK(beats == 0);

  Timer holding(loop, {});
  holding.start(20ms);
  loop.run();
  CHECK(beats > 0);
  CHECK(background.active());

  background.ref();  // keeps the loop alive from now on
  CHECK(loop.alive());
  background.stop();
  CHECK_FALSE(loop.alive());
}

TEST_ON_EACH_BACKEND(
    "an active idle hook keeps the loop turning, and an idle loop doesn't turn at all") {
  GuardedLoop loop(options);
  int turns = 0;
  Hook idle(loop, Phase::idle, [&] {
    if (++turns == 100) idle.stop();
  });
  idle.start();
  loop.run();
  CHECK(turns == 100);
  CHECK(loop.counters().idle_ns == 0);  // checking whether anything has happened is not idling

  // A thread that is kept from its CPU on the way there waits for less than the timer does.
  for (int i = 0; i < 100 && loop.counters().idle_ns < 100'000'000; ++i) {
    const std::uint64_t before = loop.counters().turns;
    Timer timer(loop, {});
    timer.start(50ms);
    loop.run();
    CHECK(loop.counters().turns - before <= 3);
  }
  CHECK(loop.counters().idle_ns >= 100'000'000);
}

TEST_ON_EACH_BACKEND("stop ends the run after the turn, and the loop can go on later") {
  GuardedLoop loop(options);
  int fired = 0;
  bool closed = false;
  Timer timer(loop, [&] {
    if (++fired == 2) loop.stop();
  });
  loop.set_immediate([&] {
    loop.stop();
    loop.at_close([&] { closed = true; });
  });
  timer.start(5ms, 5ms);
  loop.run();
  CHECK(closed);
  CHECK(fired <= 1);
  loop.run();
  CHECK(fired == 2);
  CHECK(loop.alive());
}

TEST_ON_EACH_BACKEND("a callback that throws ends run(), and the next run() calls the rest") {
  Pipe first, second;
  std::vector<Request> requests(2);
  GuardedLoop loop(options);
  int called = 0;
  const Done throws_once = [&](Request&) {
    if (called++ == 0) throw std::logic_error("from a callback");
  };
  make_readable(first);
  make_readable(second);
  loop.poll(requests[0], first.out.get(), POLLIN, throws_once);
  loop.poll(requests[1], second.out.get(), POLLIN, throws_once);
  Waker waker(loop, [&] { waker.unref(); });
  waker.send();
  CHECK_THROWS_AS(loop.run(), std::logic_error);
  CHECK(called == 1);
  CHECK(requests[0].in_flight() + requests[1].in_flight() == 1);
  loop.run();
  CHECK(called == 2);
}

TEST_ON_EACH_BACKEND("timers, immediates and hooks that throw don't affect others") {
  GuardedLoop loop(options);
  Trace trace;
  const Task throws = [] { throw std::logic_error("from a callback"); };
  Timer bad(loop, throws), good(loop, trace.adder("timer"));
  Hook bad_hook(loop, Phase::prepare, [&] {
    bad_hook.stop();
    throws();
  });
  Hook good_hook(loop, Phase::prepare, [&] {
    trace.add("hook");
    good_hook.stop();
  });
  bad.start(0ms);
  good.start(0ms);
  bad_hook.start();
  good_hook.start();
  loop.set_immediate(throws);
  loop.set_immediate(trace.adder("immediate"));
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(loop.run(), std::logic_error);
  loop.run();
  CHECK(trace.words == "timer hook immediate");
}

TEST_ON_EACH_BACKEND("a hook may destroy itself and others") {
  GuardedLoop loop(options);
  std::vector<std::unique_ptr<Hook>> hooks;
  int called = 0;
  for (int i = 0; i < 3; ++i) {
    hooks.push_back(std::make_unique<Hook>(loop, Phase::prepare, [&] {
      ++called;
      hooks.clear();
    }));
    hooks.back()->start();
  }
  loop.run();
  CHECK(called == 1);
}

}  // namespace timeslice::loop::test
