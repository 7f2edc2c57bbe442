// SPDX-License-Identifier: MIT
// What was a loop's thread busy with, and how long do jobs wait? Counted over looks.
#include "model/loop_activity.h"

#include "model/pool_figures.h"
#include "tests/catch.h"

namespace timeslice::model {

namespace {

constexpr uint64_t kMs = 1'000'000;

ActivityLook in_turn(VmState vm, const std::string& call = "") {
  ActivityLook look;
  look.in_turn = look.asks_vm = true;
  look.vm = vm;
  look.call = call;
  return look;
}

}  // namespace

TEST_CASE("the share of garbage collection is of all looks, but for those that V8 didn't tell") {
  ActivityLooks looks;
  looks.add(ActivityLook());
  CHECK_FALSE(looks.take().gc_ratio());
  ActivityLook idle;
  idle.asks_vm = true;
  for (int i = 0; i < 5; ++i) looks.add(idle);
  for (int i = 0; i < 3; ++i) looks.add(in_turn(VmState::garbage_collector));
  for (const VmState state : {VmState::javascript, VmState::compiler}) looks.add(in_turn(state));
  looks.add(in_turn(VmState::native));
  for (int i = 0; i < 7; ++i) looks.add(in_turn(VmState::unknown));
  const LoopActivity activity = looks.take();
  CHECK(activity.looks == 18);
  CHECK(activity.vm_looks == 11);
  CHECK(activity.gc_ratio() == Approx(3.0 / 11));
  CHECK(activity.vm == VmLooks{1, 3, 1, 1});
  CHECK_FALSE(looks.take().gc_ratio());
}

TEST_CASE("calls that a loop sleeps in are counted by name, without the collector's") {
  ActivityLooks looks;
  looks.add(in_turn(VmState::javascript, "read"));
  for (int i = 0; i < 2; ++i) looks.add(in_turn(VmState::javascript, "fsync"));
  looks.add(in_turn(VmState::garbage_collector, "futex"));
  const LoopActivity activity = looks.take();
  REQUIRE(activity.calls.size() == 2);
  CHECK(activity.calls[0].name == "fsync");
  CHECK(activity.calls[0].looks == 2);
  CHECK(activity.collector_sleeps == 1);
}

TEST_CASE("rivals are counted by process, and those without a number by name") {
  ActivityLooks looks;
  const auto wait_for = [&](const Rival& rival) {
    ActivityLook look;
    look.waits = true;
    look.rival = rival;
    looks.add(look);
  };
  wait_for({7, 7, "cc1"});
  wait_for({9, 7, "cc1plus"});
  wait_for({0, 0, ""});
  wait_for({0, 0, "hidden"});
  wait_for({7, 7, "cc1"});
  const LoopActivity activity = looks.take();
  CHECK(activity.rival_looks == 5);
  REQUIRE(activity.rivals.size() == 3);
  CHECK(activity.rivals[0].rival.tgid == 7);
  CHECK(activity.rivals[0].looks == 3);
}

TEST_CASE(
    "what a pool's threads do with their jobs is told by looks, the most frequent call first") {
  PoolLooks looks;
  looks.add({});
  CHECK(looks.take()->work.looks == 0);
  looks.add({});
  looks.add_worker({10, 0, 0, "read"});
  for (int i = 0; i < 2; ++i) looks.add_worker({10, 1, 2, "fsync"});
  looks.add_worker({10, 4, 3, ""});    // the rest may have been without a job
  looks.add_worker({10, 20, 20, ""});  // told late
  const PoolWork work = looks.take()->work;
  CHECK(work.looks == 5);
  CHECK(work.time.oncpu == 2 + 4 + 10);
  CHECK(work.time.wait == 4 + 3);
  CHECK(work.time.asleep == 10 + 2 * 7);
  REQUIRE(work.calls.size() == 2);
  CHECK(work.calls[0].name == "fsync");
  CHECK(work.calls[0].looks == 2);
  looks.add({});
  CHECK(looks.take()->work.calls.empty());
}

TEST_CASE("a job waits from the first look that meets it to the first that doesn't") {
  JobWaits waits;
  waits.add(0, {1, 2, 3});
  waits.add(10 * kMs, {2, 3});
  waits.add(30 * kMs, {3, 4});
  JobWaitFigures figures = waits.take();
  CHECK(figures.ended == 2);
  CHECK(figures.ended_ns == 40 * kMs);
  CHECK(figures.longest_ns == 30 * kMs);
  waits.add(50 * kMs, {});
  figures = waits.take();
  CHECK(figures.ended == 2);
  CHECK(figures.ended_ns == 70 * kMs);
  CHECK(figures.longest_ns == 50 * kMs);
  CHECK(waits.take().ended == 0);
}

TEST_CASE("a job that is further behind than before is another at the same address") {
  JobWaits waits;
  waits.add(0, {1, 2, 3});
  waits.add(10 * kMs, {2, 3, 1});
  waits.add(20 * kMs, {});
  const JobWaitFigures figures = waits.take();
  CHECK(figures.ended == 4);
  CHECK(figures.ended_ns == (10 + 20 + 20 + 10) * kMs);
}

TEST_CASE("a pool is full while jobs wait for it, in whichever queue") {
  PoolLooks looks;
  looks.add({0, 4, 1, 0, 0, {}});
  looks.add({10 * kMs, 4, 0, 0, 0, {}});
  looks.add({20 * kMs, 4, 0, 1, 1, {11, 21}});
  looks.add({30 * kMs, 4, 0, 2, 1, {11, 12, 21}});
  looks.add({40 * kMs, 4, 0, 0, 0, {}});
  const PoolFigures figures = looks.take().value();
  CHECK(figures.looks == 5);
  CHECK(figures.saturated_looks == 4);
  CHECK(figures.full_looks == 2);
  CHECK(figures.busy == Approx(3.8));
  CHECK(figures.most_queued == 3);
  CHECK(figures.waits.ended == 3);
  CHECK(figures.waits.ended_ns == 50 * kMs);
  CHECK_FALSE(looks.take());
}

}  // namespace timeslice::model
