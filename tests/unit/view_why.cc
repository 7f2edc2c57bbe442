// SPDX-License-Identifier: MIT
// What does `timeslice why` say? In sentences, and as JSON; names are others', and may be anything.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "view/format/why_json.h"
#include "view/format/why_sentences.h"
#include "view/format/why_text.h"
#include "view/format/wrapped.h"

namespace timeslice {

namespace {

using namespace model;

constexpr uint64_t kMs = 1'000'000;

BlockProfile samples_of(const StackFrame& frame, int of_it, int of_other) {
  const StackFrame inner{"pbkdf2Sync", "node:internal/crypto/pbkdf2", 79, 1, true};
  BlockProfile profile;
  for (int i = 0; i < of_it; ++i) profile.add({{inner, frame}, "poll"});
  for (int i = 0; i < of_other; ++i) profile.add({{{"tick", "/srv/x.js", 3, 1, true}}, "poll"});
  return profile;
}

view::ToldProcess told(Finding finding, double share = 0.4) {
  view::ToldProcess told;
  told.process.tgid = 1234;
  told.process.command = "node /srv/app.js";
  told.process.watched_ns = 10'000 * kMs;
  told.causes.push_back({share, 0.9, 1234, true, std::move(finding)});
  return told;
}

std::string sentence(const Finding& finding) {
  const view::ToldProcess process = told(finding);
  return view::sentence_of(process.causes[0], process.process.watched_ns);
}

BlockedLoop blocked() {
  const StackFrame hash{"hash\x1b[31m", "/srv/app.js", 58, 3, true};
  return {31, 214 * kMs, 3'800 * kMs, false, "poll", samples_of(hash, 28, 2).functions()};
}

}  // namespace

TEST_CASE("each cause is told in sentences with its figures") {
  CHECK(sentence(blocked()) ==
        "The event loop was blocked 31 times, for 3.8 s of 10 s, the longest time for 214 ms. In "
        "the blocks 28 of 30 samples of its stack are in hash?[31m (/srv/app.js:58), calling "
        "pbkdf2Sync (node:internal/crypto/pbkdf2:79).");
  BlockedLoop serving = blocked();
  serving.functions[0].requests = {{"GET /a\x1b[2J"}, false};
  CHECK(sentence(serving).find("pbkdf2:79), while serving GET /a?[2J.") != std::string::npos);
  CHECK(sentence(BusyLoop{0.97, 8 * kMs, false, std::nullopt}) ==
        "The event loop is busy 97 % of the time, though no turn took longer than 8.0 ms: there is "
        "more work than one thread can do.");
  Starved starved;
  starved.waited_ns = 4'300 * kMs;
  starved.by = {{{7, 7, "cc1"}, false, 3, 0.61}, {{0, 0, ""}, false, 1, 0.2}};
  starved.limits = {2, 0.5, 100, 87};
  CHECK(sentence(starved) ==
        "The event loop was ready to run but waited for a CPU for 4.3 s of 10 s. Meanwhile its CPU "
        "was used by 3 processes cc1 (61 % of the looks), nobody (20 % of the looks). Its cgroup's "
        "limit of 0.5 CPUs was used up in 87 of 100 periods.");
  CHECK(sentence(TooManyWorkers{6, 2, 1'200 * kMs}) ==
        "6 workers compute on 2 CPUs, so they wait for each other: this one for 1.2 s of 10 s.");
  PoolFull pool;
  pool.figures.threads = 4;
  pool.figures.most_queued = 57;
  pool.figures.waits = {100, 42'000 * kMs, 1'200 * kMs};
  pool.figures.jobs = {
      {"work", "zlib", 40}, {"fs.stat", "/etc/\x1b", 9}, {"work", "", 1}, {"random", "", 1}};
  pool.figures.work = {100, {20, 0, 80}, {{"fsync", 60}, {"read", 20}}};
  CHECK(sentence(pool) ==
        "The thread pool was full: 40 % of the time its 4 threads were all busy while jobs waited, "
        "57 at most, each for 420 ms on average and 1.2 s at most. At the end there waited 40 "
        "zlib, 9 fs.stat /etc/?, 1 work, .... While they had a job, its threads slept for 80 % of "
        "the time: in fsync (75 %), read (25 %).");
  CHECK(sentence(GarbageCollection{0.31, std::nullopt}) ==
        "Garbage collection took 31 % of the time of the event loop.");
  const auto asleep = samples_of({"load", "/srv/a.js", 2, 1, true}, 1, 0).function();
  CHECK(sentence(BlockingCalls{900 * kMs, {{"read", 3}, {"openat", 1}}, asleep}) ==
        "The event loop slept in system calls for 900 ms of 10 s, while nothing else could be done "
        "on it: in read (75 %), openat (25 %). Of those times, the only sample of its stack is in "
        "load (/srv/a.js:2), calling pbkdf2Sync (node:internal/crypto/pbkdf2:79).");
  SlowPeer peer;
  peer.end.is_ipv6 = true;
  peer.end.address[15] = 1;
  peer.end.port = 80;
  peer.waits.finished = 34;
  peer.waits.total_ns = 34 * 310 * kMs;
  peer.waits.longest_ns = 900 * kMs;
  peer.share = 0.88;
  CHECK(sentence(SlowIo{{peer}, {}, 0}) ==
        "It waits for answers over the network: [::1]:80 took 310 ms on average for 34 answers, "
        "900 ms at most, and was waited for 88 % of the time.");
  CHECK(sentence(SlowIo{{}, {10, {1, 0, 9}, {{"fsync", 9}}}, 1.8}) ==
        "Jobs of its thread pool wait for slow input or output: 1.8 of its threads are busy on "
        "average. While they had a job, its threads slept for 90 % of the time: in fsync (100 %).");
  CHECK(sentence(Idle{0.03, 2 * kMs, 0, 1}) ==
        "Nothing holds it up: its event loop is busy 3.0 % of the time, and its longest turn took "
        "2.0 ms.");
}

TEST_CASE("people read causes in lines of 80 columns, each with what to do") {
  std::string text;
  view::append_text(text, {told(blocked(), 0.383)});
  CHECK(text == R"(1234 node /srv/app.js, watched for 10 s
  1. blocked loop: 38.3 % of the time, sure
     The event loop was blocked 31 times, for 3.8 s of 10 s, the longest time
     for 214 ms. In the blocks 28 of 30 samples of its stack are in hash?[31m
     (/srv/app.js:58), calling pbkdf2Sync (node:internal/crypto/pbkdf2:79).
     -> Use an asynchronous form of it, do it in parts, or give it to a worker
        thread.

)");
}

TEST_CASE("processes that are alike are told by the one that it costs most") {
  view::ToldProcess cheap = told(blocked(), 0.1), costly = told(blocked(), 0.5),
                    other = told(Idle());
  costly.process.tgid = 2345;
  other.process.tgid = 3456;
  std::string text;
  view::append_text(text, {cheap, costly, other});
  CHECK(text.find("2345 node") == 0);
  CHECK(text.find("50.0 % of the time") != std::string::npos);
  CHECK(text.find("The same holds for process 1234.") != std::string::npos);
  CHECK(text.find("3456 node") != std::string::npos);
}

TEST_CASE("scripts get each cause with its evidence") {
  LoopFrame loops;
  loops.source = "bpf";
  loops.dropped_samples = 3;
  loops.refused.push_back({77, "it has none"});
  std::string text;
  view::append_json(text, {told(blocked()), told(Idle{0.03, 2 * kMs, 0, 1})}, loops);
  CHECK(text.find('\x1b') == std::string::npos);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["schema"] == "timeslice/why/1");
  CHECK(json["probes"] == 0);
  CHECK(json["trust"]["dropped_samples"] == 3);
  CHECK(json["trust"]["refused"][0]["tgid"] == 77);
  REQUIRE(json["processes"].size() == 2);
  const auto& cause = json["processes"][0]["causes"][0];
  CHECK(cause["cause"] == "blocked_loop");
  CHECK(cause["share"] == 0.4);
  CHECK(cause["evidence"]["function"] == "hash\x1b[31m");
  CHECK(cause["evidence"]["file"] == "/srv/app.js");
  CHECK(cause["evidence"]["line"] == 58);
  CHECK(cause["evidence"]["longest_ms"] == 214);
  CHECK(cause["evidence"]["others"][0]["function"] == "tick");
  CHECK(json["processes"][1]["causes"][0]["cause"] == "idle");
  CHECK(json["processes"][1]["causes"][0]["advice"].is_null());
}

TEST_CASE("a sentence is broken at spaces, and a long word has a line of its own") {
  std::string out;
  view::append_wrapped(out, "- ", "one two three /a/path/that/is/too/long end", 12);
  CHECK(out == "- one two\n  three\n  /a/path/that/is/too/long\n  end\n");
  out.clear();
  view::append_wrapped(out, "- ", "", 12);
  CHECK(out == "- \n");
}

}  // namespace timeslice
