// SPDX-License-Identifier: MIT
// Is a process said to be slow for what makes it slow, and for nothing else? Each cause has figures
// that show it, and a near miss that must not be called it.
#include "model/why.h"

#include <algorithm>

#include "tests/catch.h"

namespace timeslice::model {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kBlock = 50 * kMs;
const StackFrame kHash{"hash", "/srv/app.js", 7, 3, true};
const StackFrame kParse{"parse", "/srv/app.js", 20, 3, true};

// Watched for ten seconds; its loop is hardly busy.
WatchedProcess made() {
  WatchedProcess process;
  process.tgid = 100;
  process.watched_ns = 10'000 * kMs;
  process.limits.cpus = 2;
  WatchedLoop loop;
  loop.tgid = loop.tid = 100;
  loop.is_main = true;
  loop.figures.interval_ns = 10'000 * kMs;
  loop.figures.active.oncpu = 300 * kMs;
  loop.figures.idle_asleep_ns = 9'700 * kMs;
  loop.activity.looks = loop.activity.vm_looks = 1'000;
  process.loops.push_back(loop);
  return process;
}

LoopBlock block(uint64_t oncpu_ms, uint64_t wait_ms, uint64_t asleep_ms,
                const StackFrame& in = kHash, int collecting = 0) {
  LoopBlock block;
  block.duration_ns = (oncpu_ms + wait_ms + asleep_ms) * kMs;
  block.split = {oncpu_ms * kMs, wait_ms * kMs, asleep_ms * kMs};
  for (int i = 0; i < 10; ++i)
    block.profile.add(
        {{in}, "timers", i < collecting ? VmState::garbage_collector : VmState::javascript});
  return block;
}

std::vector<std::string> words(const WatchedProcess& process) {
  std::vector<std::string> words;
  for (const Cause& cause : causes_of(process, kBlock))
    words.emplace_back(cause_word(cause.finding));
  return words;
}

using Words = std::vector<std::string>;

Rival rival(uint32_t tgid, const std::string& comm) { return {tgid, tgid, comm}; }

}  // namespace

TEST_CASE("a process without trouble is idle, and one without loops is nothing") {
  CHECK(words(made()) == Words{"idle"});
  WatchedProcess none = made();
  none.loops.clear();
  CHECK(words(none).empty());
}

TEST_CASE("a loop is blocked by the function that most samples of its blocks name") {
  WatchedProcess process = made();
  process.loops[0].figures.blocks = {block(60, 0, 0, kParse), block(200, 10, 0), block(90, 0, 0)};
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& blocked = std::get<BlockedLoop>(causes[0].finding);
  CHECK(blocked.blocks == 3);
  CHECK(blocked.blocked_ns == 350 * kMs);
  CHECK(blocked.longest_ns == 200 * kMs);
  CHECK(blocked.phase == "timers");
  REQUIRE(blocked.functions.size() == 2);
  CHECK(blocked.functions[0].frame == kHash);
  CHECK(blocked.functions[0].samples == 20);
  CHECK(blocked.functions[0].of == 30);
  CHECK(blocked.functions[1].frame == kParse);
  CHECK(causes[0].share == Approx(0.035));
  CHECK(causes[0].confidence == Approx(21.0 / 32));
  CHECK(causes[0].tid == 100);
}

TEST_CASE("a turn that is long because of others is no block of its function") {
  WatchedProcess process = made();
  for (const LoopBlock& other : {block(40, 300, 0), block(30, 0, 40), block(80, 0, 0, kHash, 5)}) {
    process.loops[0].figures.blocks = {other};
    CHECK(words(process) == Words{"idle"});
  }
}

TEST_CASE("a thousand short turns are no block, and busy only where hardly any time is left") {
  WatchedProcess process = made();
  LoopFigures& figures = process.loops[0].figures;
  figures.longest_turn_ns = 2 * kMs;
  figures.active.oncpu = 8'000 * kMs;
  CHECK(words(process) == Words{"idle"});
  figures.active.oncpu = 9'000 * kMs;
  for (int i = 0; i < 4; ++i) process.loops[0].activity.profile.add({{kHash}, "check"});
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& busy = std::get<BusyLoop>(causes[0].finding);
  CHECK(busy.utilisation == Approx(0.9));
  CHECK(busy.longest_turn_ns == 2 * kMs);
  CHECK_FALSE(busy.has_blocks);
  CHECK(busy.function->frame == kHash);
}

TEST_CASE("waits for a CPU are told with who used it, by name") {
  WatchedProcess process = made();
  LoopFigures& figures = process.loops[0].figures;
  figures.idle_ready_ns = 900 * kMs;
  figures.active.oncpu = 1'000 * kMs;
  CHECK(words(process) == Words{"idle"});
  figures.active.wait = 500 * kMs;
  LoopActivity& activity = process.loops[0].activity;
  activity.rival_looks = 100;
  activity.rivals = {{rival(7, "ffmpeg"), 30},
                     {rival(8, "ffmpeg"), 25},
                     {rival(100, "node"), 40},
                     {{0, 0, ""}, 5}};
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& starved = std::get<Starved>(causes[0].finding);
  CHECK(causes[0].share == Approx(0.14));
  CHECK(starved.waited_ns == 1'400 * kMs);
  REQUIRE(starved.by.size() == 3);
  CHECK(starved.by[0].rival.comm == "ffmpeg");
  CHECK(starved.by[0].processes == 2);
  CHECK(starved.by[0].share == Approx(0.55));
  CHECK(starved.by[1].is_own);
  CHECK(starved.by[2].rival.tid == 0);
}

TEST_CASE("a loop that waits as long as it computes is starved though it does little") {
  WatchedProcess process = made();
  process.loops[0].figures.active = {300 * kMs, 250 * kMs, 0};
  process.loops[0].figures.idle_ready_ns = 260 * kMs;
  CHECK(words(process) == Words{"starved"});
  process.loops[0].figures.active.oncpu = 600 * kMs;
  CHECK(words(process) == Words{"idle"});
}

TEST_CASE("workers of a cluster that wait for each other are too many") {
  WatchedProcess process = made();
  process.cluster = {100, 101, 102, 103};
  LoopFigures& figures = process.loops[0].figures;
  figures.active = {4'000 * kMs, 4'000 * kMs, 0};
  LoopActivity& activity = process.loops[0].activity;
  activity.rival_looks = 100;
  activity.rivals = {{rival(101, "node"), 45}, {rival(102, "node"), 45}, {rival(7, "cc1"), 10}};
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& many = std::get<TooManyWorkers>(causes[0].finding);
  CHECK(many.workers == 4);
  CHECK(many.cpus == 2);
  CHECK(many.waited_ns == 3'600 * kMs);
  CHECK(causes[0].share == Approx(0.36));

  process.limits.cpus = 4;  // a CPU for each: then it is somebody else's fault
  CHECK(words(process) == Words{"starved"});
  process.limits.quota = 1.5;
  CHECK(words(process) == Words{"too_many_workers"});
}

TEST_CASE("a pool is full where jobs wait for its threads, not where all of them work") {
  WatchedProcess process = made();
  process.pool.emplace();
  process.pool->looks = process.pool->saturated_looks = 1'000;
  process.pool->full_looks = 20;
  process.pool->threads = 4;
  process.pool->busy = 4;
  CHECK(words(process) == Words{"idle"});
  process.pool->full_looks = 700;
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  CHECK(causes[0].share == Approx(0.7));
  CHECK(causes[0].tid == 0);
  CHECK(std::get<PoolFull>(causes[0].finding).figures.threads == 4);
}

TEST_CASE("a pool whose threads sleep in their jobs waits for slow input or output") {
  WatchedProcess process = made();
  process.pool.emplace();
  process.pool->looks = 1'000;
  process.pool->threads = 4;
  process.pool->busy = 2;
  process.pool->work = {50, {45, 0, 5}, {{"fsync", 5}}};
  CHECK(words(process) == Words{"idle"});
  process.pool->work = {50, {10, 0, 40}, {{"fsync", 40}}};
  CHECK(words(process) == Words{"slow_io"});
}

TEST_CASE("a peer that answers slowly is a cause, one that is asked all the time is not") {
  WatchedProcess process = made();
  PeerFigures peer;
  peer.end.address = {10, 0, 0, 7};
  peer.end.port = 5432;
  peer.connections = 2;
  peer.covered_ns = 9'000 * kMs;
  peer.answers.finished = 3'000;  // 2 ms each
  peer.answers.total_ns = 6'000 * kMs;
  process.peers = {peer};
  CHECK(words(process) == Words{"idle"});
  process.peers[0].answers.finished = 20;
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& slow = std::get<SlowIo>(causes[0].finding);
  CHECK(causes[0].share == Approx(0.9));
  CHECK(causes[0].confidence > 0.9);
  REQUIRE(slow.peers.size() == 1);
  CHECK(text_of(slow.peers[0].end) == "10.0.0.7:5432");
  CHECK(slow.peers[0].mean_ns() == 300 * kMs);
  process.peers[0].answers.total_ns = 20 * 8'000 * kMs;  // it may be asked for news
  CHECK(causes_of(process, kBlock)[0].confidence < 0.5);
  process.peers[0].accepted = true;  // others wait for us
  CHECK(words(process) == Words{"idle"});
  process.peers[0] = peer;
  process.peers[0].answers = {.standing = 2};  // subscriptions
  CHECK(words(process) == Words{"idle"});
}

TEST_CASE("garbage collection is a cause from a tenth of the time on, or as a block of its own") {
  WatchedProcess process = made();
  LoopActivity& activity = process.loops[0].activity;
  activity.vm.garbage_collector = 90;
  CHECK(words(process) == Words{"idle"});
  activity.vm.garbage_collector = 310;
  activity.collector_waits = 100;
  activity.collecting.add({{kParse}, "poll", VmState::garbage_collector});
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& collection = std::get<GarbageCollection>(causes[0].finding);
  CHECK(collection.ratio == Approx(0.21));
  CHECK(collection.function->frame == kParse);
  activity = LoopActivity();
  activity.vm_looks = 1'000;
  process.loops[0].figures.blocks = {block(100, 0, 0, kHash, 8)};
  CHECK(words(process) == Words{"gc"});
}

TEST_CASE("sleep in calls on the loop is a cause; sleep in the collector is none of theirs") {
  WatchedProcess process = made();
  LoopFigures& figures = process.loops[0].figures;
  LoopActivity& activity = process.loops[0].activity;
  figures.active.asleep = 700 * kMs;
  activity.collector_sleeps = 30;
  activity.calls = {{"fsync", 30}, {"read", 10}};
  CHECK(words(process) == Words{"idle"});
  activity.collector_sleeps = 0;
  activity.sleeping.add({{kHash}, "poll"});
  const auto causes = causes_of(process, kBlock);
  REQUIRE(causes.size() == 1);
  const auto& calls = std::get<BlockingCalls>(causes[0].finding);
  CHECK(calls.asleep_ns == 700 * kMs);
  CHECK(calls.calls[0].name == "fsync");
  CHECK(calls.function->frame == kHash);
  figures.active.asleep = 100 * kMs;
  CHECK(words(process) == Words{"idle"});
  figures.blocks = {block(10, 0, 90)};
  CHECK(words(process) == Words{"blocking_calls"});
}

TEST_CASE("several causes come in the order of what they cost, each of its own loop") {
  WatchedProcess process = made();
  process.loops[0].figures.blocks = {block(500, 0, 0)};
  WatchedLoop worker = made().loops[0];
  worker.tid = 105;
  worker.is_main = false;
  worker.figures.active.asleep = 2'000 * kMs;
  worker.activity.calls = {{"read", 100}};
  process.loops.push_back(worker);
  const auto causes = causes_of(process, kBlock);
  REQUIRE(words(process) == Words{"blocking_calls", "blocked_loop"});
  CHECK(causes[0].tid == 105);
  CHECK_FALSE(causes[0].is_main);
  CHECK(causes[1].tid == 100);
}

}  // namespace timeslice::model
