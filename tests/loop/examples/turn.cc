// SPDX-License-Identifier: MIT
// Example: what comes when, in a turn? After each callback the ticks, then the microtasks; hooks
// before and after the wait for events; immediates after it, and what they queue in the next turn;
// then what waits for the close phase. update_time() is for whoever has worked long in a callback.
#include "loop/core/loop.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

TEST_ON_EACH_BACKEND("example: the order within a turn") {
  std::string order;
  const auto say = [&](const char* what) { return [&order, what] { order += what; }; };
  Request nothing;
  GuardedLoop loop(options);
  Hook idle(loop, Phase::idle, say("idle "));
  Hook prepare(loop, Phase::prepare, say("prepare "));
  Hook check(loop, Phase::check, say("check "));
  loop.set_immediate([&] {
    for (Hook* hook : {&idle, &prepare, &check}) hook->start();
    loop.at_close(say("close "));
    loop.queue_microtask(say("microtask "));
    loop.next_tick(say("tick "));
    loop.set_immediate([&] {
      order += "second";
      for (Hook* hook : {&idle, &prepare, &check}) hook->stop();
    });
    order += "first ";
  });
  CHECK(loop.alive());
  loop.run();
  CHECK(order == "first tick microtask close idle prepare check second");
  CHECK_FALSE(loop.alive());

  bool done = false;
  loop.nop(nothing, [&](Request&) {
    const Nanoseconds before = loop.now();
    loop.update_time();
    done = loop.now() >= before;
  });
  loop.run();
  CHECK(done);
}

}  // namespace timeslice::loop::test
