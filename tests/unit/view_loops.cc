// SPDX-License-Identifier: MIT
// What do people, and scripts, get to see of event loops?
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "view/format/loop_json.h"
#include "view/format/loop_text.h"

namespace timeslice {

namespace {

constexpr uint64_t kMs = 1'000'000;

model::LoopBlock block(uint64_t ms, const model::StackFrame& in, bool ended = true,
                       int samples = 4) {
  model::LoopBlock block;
  block.start_ns = 5'000 * kMs;
  block.duration_ns = ms * kMs;
  block.split = {(ms - 10) * kMs, 4 * kMs, 6 * kMs};
  block.ended = ended;
  for (int i = 0; i < samples; ++i)
    block.profile.add(
        {{{"readSync", "node:fs", 797, 3, true}, in},
         "timers",
         i < samples / 2 ? model::VmState::garbage_collector : model::VmState::native});
  return block;
}

model::LoopFrame made_frame() {
  const model::StackFrame load{"load", "/srv/app.js", 42, 7, true};
  const model::StackFrame hostile{"a\x1b[31mb", "/srv/\n.js", 1, 1, false};
  const model::StackFrame evaluated{"anonymous", "/srv/app.js", 50, 2, false, true};
  model::WatchedLoop loop;
  loop.tgid = loop.tid = 1234;
  loop.command = "node /srv/app.js";
  loop.is_main = true;
  loop.figures.interval_ns = 1'000 * kMs;
  loop.figures.turns = 250;
  loop.figures.active = {300 * kMs, 40 * kMs, 60 * kMs};
  loop.figures.idle_asleep_ns = 590 * kMs;
  loop.figures.idle_ready_ns = 10 * kMs;
  loop.figures.longest_turn_ns = 200 * kMs;
  loop.figures.delay_p99_ns = 190 * kMs;
  loop.activity.vm_looks = 200;
  loop.activity.vm = {50, 25, 0, 5};
  loop.figures.blocks = {block(60, load), block(200, load), block(80, hostile),
                         block(70, load, false, 0), block(55, evaluated)};
  model::LoopFrame frame;
  frame.time_ns = 9;
  frame.source = "bpf";
  frame.loops.push_back(loop);
  model::WatchedPool pool;
  pool.tgid = 1234;
  pool.figures.looks = 100;
  pool.figures.saturated_looks = 25;
  pool.figures.threads = 4;
  pool.figures.busy = 2.5;
  pool.figures.queued = 7;
  pool.figures.work = {200, {120, 30, 50}, {{"fsync", 50}}};
  pool.figures.jobs = {{"fs.stat", "/x\x1b[0m", 5}, {"work", "", 2}};
  frame.pools.push_back(pool);
  frame.refused.push_back({77, "it has none"});
  frame.unnamed.push_back({78, "cannot name them"});
  frame.dropped_samples = 3;
  return frame;
}

}  // namespace

TEST_CASE("loops are printed a line each, with their blocks by function and their pool") {
  std::string text;
  view::append_text(text, made_frame());
  CHECK(
      text ==
      "    TID KIND    TURNS/S   UTIL%  ONCPU%   WAIT% ASLEEP%  READY% LONGEST DELAY99\n"
      "1234 node /srv/app.js\n"
      "   1234 main        250    40.0    30.0     4.0     6.0     1.0   200.0   190.0\n"
      "    JavaScript 25%, garbage collection 12%, C++ 2% of the time\n"
      "    blocked, so far for 70 ms\n"
      "      60 ms on CPU, 4.0 ms waiting for a CPU, 6.0 ms asleep in a call\n"
      "    blocked for 260 ms in 2 turns (longest 200 ms)\n"
      "      by load (/srv/app.js:42), calling readSync (node:fs:797), in 8 of 8 samples\n"
      "      240 ms on CPU, 8.0 ms waiting for a CPU, 12 ms asleep in a call; phase: timers\n"
      "      garbage collection 50%, C++ 50%\n"
      "    blocked for 80 ms\n"
      "      by a?[31mb (about /srv/?.js:1), calling readSync (node:fs:797), in 4 of 4 samples\n"
      "      70 ms on CPU, 4.0 ms waiting for a CPU, 6.0 ms asleep in a call; phase: timers\n"
      "      garbage collection 50%, C++ 50%\n"
      "    blocked for 55 ms\n"
      "      by anonymous (eval at /srv/app.js:50), calling readSync (node:fs:797), in 4 of 4 "
      "samples\n"
      "      45 ms on CPU, 4.0 ms waiting for a CPU, 6.0 ms asleep in a call; phase: timers\n"
      "      garbage collection 50%, C++ 50%\n"
      "    pool: 4 threads, 2.5 busy, all busy 25% of the time; 7 jobs waiting: 5 fs.stat /x?[0m, "
      "2 "
      "work\n"
      "      with a job: 60% on CPU, 15% waiting for a CPU, 25% asleep in fsync\n"
      "\n");
}

TEST_CASE("loops as JSON have the contract's keys, and null for what isn't known") {
  std::string text;
  view::append_json(text, made_frame());
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.back() == '\n');
  const auto json = nlohmann::json::parse(text);
  CHECK(json["schema"] == "timeslice/loop/1");
  CHECK(json["probes"] == 0);
  CHECK(json["trust"]["refused"][0]["tgid"] == 77);
  CHECK(json["trust"]["unnamed"][0]["why"] == "cannot name them");
  CHECK(json["trust"]["dropped_samples"] == 3);
  const auto& loop = json["loops"][0];
  CHECK(loop["kind"] == "main");
  CHECK(loop["turns_per_s"] == 250);
  for (const char* key : {"turn_ms", "histogram", "phases_ms"}) CHECK(loop[key].is_null());
  for (const char* key : {"price_ns_per_turn", "price_ns_per_wait", "price_ns_per_other_call",
                          "price_ns_per_phase", "price_cpu_ratio", "turns_note", "phases_note"})
    CHECK(json[key].is_null());
  CHECK(loop["utilisation"] == 0.4);
  CHECK(loop["vm_ratio"] ==
        nlohmann::json{{"javascript", 0.25}, {"gc", 0.125}, {"compiler", 0.0}, {"native", 0.025}});
  CHECK(loop["active_ms"]["wait"] == 40);
  CHECK(loop["idle_ms"]["ready_waiting"] == 10);
  CHECK(loop["delay_ms"]["p99"] == 190);
  const auto& named = loop["blocks"][0];
  CHECK(named["function"] == "load");
  CHECK(named["file"] == "/srv/app.js");
  CHECK(named["line"] == 42);
  CHECK(named["column"] == 7);
  CHECK(named["share"] == 1);
  CHECK(named["samples"] == 4);
  CHECK(named["phase"] == "timers");
  CHECK(named["duration_ms"] == 60);
  CHECK(named["gc_ms"] == 30);
  CHECK(named["vm_ms"]["gc"] == 30);
  CHECK(named["vm_ms"]["native"] == 30);
  CHECK(named["vm_ms"]["javascript"] == 0);
  CHECK(named["evaluated"] == false);
  CHECK(loop["blocks"][4]["evaluated"] == true);
  CHECK(named["stack"].size() == 2);
  CHECK(named["stack"][0]["function"] == "readSync");
  CHECK(loop["blocks"][2]["function"] == "a\x1b[31mb");
  const auto& unnamed = loop["blocks"][3];
  CHECK(unnamed["ended"] == false);
  for (const char* key : {"function", "file", "line", "column", "share", "phase", "gc_ms", "vm_ms"})
    CHECK(unnamed[key].is_null());
  CHECK(unnamed["stack"].empty());
  const auto& pool = json["pools"][0];
  CHECK(pool["size"] == 4);
  CHECK(pool["busy"] == 2.5);
  CHECK(pool["saturated_ratio"] == 0.25);
  CHECK(pool["queue_depth"] == 7);
  CHECK(pool["slow_queue_depth"].is_null());
  CHECK(pool["queued"][0]["what"] == "/x\x1b[0m");
  CHECK(pool["queued"][1]["what"].is_null());
}

TEST_CASE("timed turns are below their loop, and their price below all; as JSON as well") {
  model::LoopFrame frame = made_frame();
  ts_loop_turns turns{};
  turns.hist[1] = 3;
  turns.hist[TS_WAIT_BUCKETS - 1] = 1;
  turns.phase_ns[TS_PHASE_CHECK] = 5 * kMs;
  turns.longest[0] = {0, 90'000'000'000'000, 7};
  frame.loops[0].timed = model::turns_between({}, turns, 0, 1'000 * kMs);
  frame.turn_probes = {.attached = 6,
                       .ns_per_wait = 200,
                       .ns_per_other_call = 20,
                       .budget_ratio = 0.01,
                       .costs = model::TurnCosts{4, 400, 1.6e-6}};
  std::string text, json_text;
  view::append_text(text, frame);
  CHECK(text.find("C++ 2% of the time\n    4 turns: p50 1.3 us, ") != std::string::npos);
  CHECK(text.ends_with(" of any process: +20 ns\n\n"));
  view::append_json(json_text, frame);
  const auto json = nlohmann::json::parse(json_text);
  const auto& loop = json["loops"][0];
  CHECK(json["probes"] == 6);
  CHECK(json["price_ns_per_turn"] == 400);
  CHECK(json["price_ns_per_wait"] == 200);
  CHECK(json["price_ns_per_other_call"] == 20);
  CHECK(json["price_cpu_ratio"] == 1.6e-6);
  CHECK(loop["turn_ms"]["count"] == 4);
  CHECK(loop["turn_ms"]["max"] == 9e7);
  CHECK(loop["turn_ms"]["max_start_ns"] == 7);
  CHECK(loop["turn_ms"]["p50"] == 0.001);
  CHECK(loop["turn_ms"]["missed"] == 0);
  CHECK(loop["phases_ms"]["check"] == 5);
  CHECK(loop["phases_ms"]["poll"] == 0);
  CHECK(loop["histogram"].size() == 2);
  CHECK(loop["histogram"][0]["from_us"] == 1.024);
  CHECK(loop["histogram"][0]["to_us"] == 1.28);
  CHECK(loop["histogram"][0]["count"] == 3);
  CHECK(loop["histogram"][1]["to_us"].is_null());

  frame.turn_probes = model::TurnProbing{.failure = "not \x1b[31m here"};
  json_text.clear();
  view::append_json(json_text, frame);
  CHECK(nlohmann::json::parse(json_text)["turns_note"] == "not \x1b[31m here");
}

TEST_CASE("a described process is shown by its script, in text and as JSON") {
  model::LoopFrame frame = made_frame();
  frame.processes = {{.tgid = 1},
                     {.tgid = 1234,
                      .name = "a\x1b[31m.js",
                      .cluster = model::ClusterRole::worker,
                      .ports = {3000, 9229},
                      .uptime_ns = 7'200'999 * kMs}};
  std::string text, json_text;
  view::append_text(text, frame);
  CHECK(text.find("\n1234 a?[31m.js, cluster worker, :3000, :9229, up 2.0 h\n") !=
        std::string::npos);
  view::append_json(json_text, frame);
  const auto loop = nlohmann::json::parse(json_text)["loops"][0];
  CHECK(loop["command"] == "node /srv/app.js");
  CHECK(loop["name"] == "a\x1b[31m.js");
  CHECK(loop["cluster"] == "worker");
  CHECK(loop["ports"] == std::vector<int>{3000, 9229});
  CHECK(loop["uptime_s"] == 7200);
  frame.processes.clear();
  json_text.clear();
  view::append_json(json_text, frame);
  const auto unknown = nlohmann::json::parse(json_text)["loops"][0];
  for (const char* key : {"name", "cluster", "uptime_s"}) CHECK(unknown[key].is_null());
  CHECK(unknown["ports"].empty());
}

}  // namespace timeslice
