// SPDX-License-Identifier: MIT
// Are a recording's event loops reported as its recorder has seen them: sums of the window's
// stretches, and the blocks in it, the costliest first?
#include <nlohmann/json.hpp>

#include "model/loop_lanes.h"
#include "model/loop_track.h"
#include "model/report.h"
#include "tests/catch.h"
#include "tests/unit/events.h"
#include "view/report/lanes.h"
#include "view/report/report.h"

namespace timeslice {

namespace {

constexpr uint64_t kMs = 1'000'000, kBegin = 10'000 * kMs;
constexpr uint32_t kTgid = 42;

uint64_t at(uint64_t ms) { return kBegin + ms * kMs; }

model::LoopStretch stretch(uint64_t from_ms, uint64_t to_ms) {
  model::LoopStretch made{at(from_ms), at(to_ms), {}, 10, {3, 2, 0, 1}};
  made.figures.end_ns = made.end_ns;
  made.figures.interval_ns = made.end_ns - made.begin_ns;
  made.figures.looks = 10;
  made.figures.turns = 7;
  made.figures.active = {20 * kMs, 10 * kMs, 5 * kMs};
  made.figures.idle_ready_ns = 1 * kMs;
  made.figures.idle_asleep_ns = made.figures.interval_ns - 36 * kMs;
  made.figures.longest_turn_ns = from_ms * kMs / 10;
  made.figures.set_delays({0, from_ms * kMs});
  return made;
}

model::LoopBlock block(uint64_t from_ms, uint64_t ms, const std::string& function, int line) {
  model::LoopBlock made{at(from_ms), ms * kMs, {ms * kMs, 0, 0}, true, {}};
  made.profile.add({{{function, "/srv/app.js", line, 3, true}}, "timers"});
  return made;
}

model::LoopTracks made_tracks() {
  model::LoopTracks tracks;
  tracks.block_ns = 50 * kMs;
  model::LoopTrack& loop = tracks.loops.emplace_back();
  loop.tgid = loop.tid = kTgid;
  loop.command = "node /srv/app.js --port 1";
  loop.is_main = true;
  for (const uint64_t from : {0, 200, 400, 600})
    loop.stretches.push_back(stretch(from, from + 200));
  loop.blocks = {block(100, 60, "parse", 4), block(300, 150, "sum", 9), block(700, 70, "parse", 4)};
  loop.blocks[0].profile.drop();
  model::PoolTrack& pool = tracks.pools.emplace_back();
  pool.tgid = kTgid;
  for (const uint64_t from : {0, 200}) {
    model::PoolStretch& made = pool.stretches.emplace_back();
    made.begin_ns = at(from), made.end_ns = at(from + 200);
    made.figures.looks = from ? 30 : 10;
    made.figures.threads = 4;
    made.figures.busy = from ? 4 : 0;
    made.figures.queued = static_cast<uint32_t>(from / 100);
    made.figures.slow = 0;
  }
  tracks.refused.push_back({43, "it has\x1b[2J no loop"});
  return tracks;
}

model::History made_history() {
  model::HistoryInfo info;
  info.begin_ns = kBegin;
  model::History history(info, 0, 0);
  ts_thread_row row{};
  row.record.have = TS_HAVE_SWITCHES;
  row.tid = row.tgid = kTgid;
  row.state = 'S';
  row.prio = 120;
  std::strcpy(row.comm, "node");
  history.opening(row);
  return history;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) c == '\n' ? lines.emplace_back() : lines.back() += c;
  return lines;
}

}  // namespace

TEST_CASE("a window's figures are the sums of the stretches that end in it") {
  const model::LoopTracks tracks = made_tracks();
  const model::LoopFrame all = summed_up(tracks, kBegin, at(800));
  REQUIRE(all.loops.size() == 1);
  const model::LoopFigures& figures = all.loops[0].figures;
  CHECK(figures.interval_ns == 800 * kMs);
  CHECK(figures.looks == 40);
  CHECK(figures.turns == 28);
  CHECK(figures.active.oncpu == 80 * kMs);
  CHECK(figures.active.wait == 40 * kMs);
  CHECK(figures.active.asleep == 20 * kMs);
  CHECK(figures.idle_ready_ns == 4 * kMs);
  CHECK(figures.active.sum() + figures.idle_ready_ns + figures.idle_asleep_ns == 800 * kMs);
  CHECK(figures.longest_turn_ns == 60 * kMs);
  CHECK(figures.delay_max_ns == 600 * kMs);
  CHECK(figures.delay_p50_ns == 0);
  CHECK(all.loops[0].activity.gc_ratio() == 0.2);
  CHECK(all.loops[0].activity.vm == model::VmLooks{12, 8, 0, 4});
  CHECK(all.dropped_samples == 1);
  CHECK(all.processes.at(0).name == "app.js");
  CHECK_FALSE(all.processes[0].uptime_ns);
  REQUIRE(figures.blocks.size() == 3);
  CHECK(figures.blocks[0].duration_ns == 150 * kMs);
  CHECK(figures.blocks[2].duration_ns == 60 * kMs);
  REQUIRE(all.pools.size() == 1);
  CHECK(all.pools[0].figures.busy == 3);
  CHECK(all.pools[0].figures.queued == 2);

  const model::LoopFrame part = summed_up(tracks, at(400), at(750));
  CHECK(part.loops.at(0).figures.interval_ns == 200 * kMs);
  REQUIRE(part.loops[0].figures.blocks.size() == 2);  // one reaches into it, one out of it
  CHECK(part.pools.empty());
  CHECK(summed_up(tracks, at(900), at(950)).loops.empty());
}

TEST_CASE(
    "a process is described as of the end of the window, and may be older than the machine's "
    "clock") {
  model::LoopTracks tracks = made_tracks();
  tracks.processes[kTgid] = {model::ClusterRole::worker, {3000}, at(0) - 5'000 * kMs};
  const model::LoopFrame frame = summed_up(tracks, kBegin, at(800));
  const model::ProcessDescription& process = frame.processes.at(0);
  CHECK(process.cluster == model::ClusterRole::worker);
  CHECK(process.ports == std::vector<uint16_t>{3000});
  CHECK(process.uptime_ns == 5'800 * kMs);
}

TEST_CASE("turns are absent where a stretch has none, as of a loop that doesn't count them") {
  model::LoopTracks tracks = made_tracks();
  tracks.loops[0].stretches[1].figures.turns.reset();
  CHECK_FALSE(summed_up(tracks, kBegin, at(800)).loops.at(0).figures.turns);
}

TEST_CASE("loops are reported as JSON with the keys that loop has, as CSV, and as text") {
  model::History history = made_history();
  history.finish(at(800));
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  const model::LoopFrame frame = summed_up(made_tracks(), kBegin, at(800));

  std::string json;
  view::append_loops_json(json, report, frame);
  const auto parsed = nlohmann::json::parse(json);
  CHECK(parsed["schema"] == "timeslice/report/1");
  CHECK(parsed["duration_s"] == 0.8);
  const auto& loop = parsed["loops"][0];
  CHECK(loop["tgid"] == kTgid);
  CHECK(loop["kind"] == "main");
  CHECK(loop["name"] == "app.js");
  CHECK(loop["turns"] == 28);
  CHECK(loop["utilisation"] == 0.175);
  CHECK(loop["active_ms"]["wait"] == 40);
  CHECK(loop["idle_ms"]["ready_waiting"] == 4);
  CHECK(loop["longest_turn_ms"] == 60);
  CHECK(loop["vm_ratio"]["javascript"] == Approx(0.3));
  CHECK(loop["delay_ms"]["max"] == 600);
  REQUIRE(loop["blocks"].size() == 3);
  CHECK(loop["blocks"][0]["function"] == "sum");
  CHECK(loop["blocks"][0]["line"] == 9);
  CHECK(loop["blocks"][0]["start_ns"] == at(300));
  CHECK(loop["blocks"][0]["phase"] == "timers");
  CHECK(parsed["pools"][0]["busy"] == 3);
  CHECK(parsed["trust"]["dropped_samples"] == 1);
  CHECK(parsed["trust"]["refused"][0]["tgid"] == 43);
  CHECK(parsed["trust"].contains("lost_records"));

  std::string csv;
  view::append_loops_csv(csv, frame);
  const auto rows = lines_of(csv);
  REQUIRE(rows.size() == 3);
  CHECK(std::count(rows[0].begin(), rows[0].end(), ',') ==
        std::count(rows[1].begin(), rows[1].end(), ','));
  CHECK(rows[1].rfind("42,42,main,app.js,node /srv/app.js --port 1,800.000000,28,35.000000,", 0) ==
        0);
  CHECK(rows[1].find(",0.200000,0.300000,0.000000,0.100000,3,280.000000,sum,/srv/app.js,9") !=
        std::string::npos);

  std::string text;
  view::append_loops_text(text, report, frame);
  CHECK(text.find("app.js") != std::string::npos);
  const size_t sum = text.find("by sum (/srv/app.js:9)");
  const size_t parse = text.find("by parse (/srv/app.js:4)");
  REQUIRE(parse != std::string::npos);
  CHECK(sum < parse);
  CHECK(text.find("blocked for 130 ms in 2 turns (longest 70 ms)") != std::string::npos);
  CHECK(text.find("process 43: it has?[2J no loop") != std::string::npos);
  CHECK(text.find("trust: nothing lost") != std::string::npos);
}

TEST_CASE("a loop without a block, and none at all, are reported as well") {
  model::History history = made_history();
  history.finish(at(800));
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  model::LoopTracks tracks = made_tracks();
  tracks.loops[0].blocks.clear();
  std::string csv, text;
  view::append_loops_csv(csv, summed_up(tracks, kBegin, at(800)));
  CHECK(lines_of(csv).at(1).find(",0,0.000000,,,") != std::string::npos);
  view::append_loops_text(text, report, model::summed_up({.block_ns = 1}, kBegin, at(800)));
  CHECK(text.rfind("no event loop was seen\n", 0) == 0);
}

namespace {

// The loop's thread runs from 100 to 250, sleeps, is ready from 400 to 600 and runs until 700. One
// block is from 100 to 200, one from 300 to 350, asleep, and one from 580 to 620.
model::LoopTracks lane_tracks() {
  model::LoopTracks tracks = made_tracks();
  tracks.loops[0].blocks = {block(100, 100, "spin", 1), block(300, 50, "read", 2),
                            block(580, 40, "spin", 1)};
  return tracks;
}

void play(model::History& history) {
  history.event(made_up::switched(at(100), 0, 0, 0, kTgid).event);
  history.event(made_up::switched(at(250), 0, kTgid, made_up::asleep, 0).event);
  history.event(made_up::woken(at(400), 0, kTgid, 0).event);
  history.event(made_up::switched(at(600), 0, 0, 0, kTgid, 200 * kMs).event);
  history.event(made_up::switched(at(700), 0, kTgid, made_up::asleep, 0).event);
  history.finish(at(800));
}

}  // namespace

TEST_CASE("a loop's lane tells blocked from starved, to the ns") {
  const model::LoopTracks tracks = lane_tracks();
  model::History history = made_history();
  model::LoopLanes lanes(history, tracks.loops, 20, model::Cells(kBegin, at(800), 8));
  history.listen(lanes);
  play(history);
  const std::vector<model::LoopLanes::Part>& parts = lanes.parts().at(0);
  const auto is = [&](size_t cell, uint64_t blocked, uint64_t starved, uint64_t busy) {
    INFO("cell " << cell);
    CHECK(parts[cell].blocked_ns == blocked * kMs);
    CHECK(parts[cell].starved_ns == starved * kMs);
    CHECK(parts[cell].busy_ns == busy * kMs);
  };
  is(0, 0, 0, 0);
  is(1, 100, 0, 0);
  is(2, 0, 0, 50);
  is(3, 50, 0, 0);
  is(4, 0, 100, 0);
  is(5, 0, 100, 0);  // though a block began in it
  is(6, 20, 0, 80);
  is(7, 0, 0, 0);
}

TEST_CASE("what a loop's thread ran while nobody looked isn't taken for short turns") {
  model::LoopTracks tracks = lane_tracks();
  std::vector<model::LoopStretch>& stretches = tracks.loops[0].stretches;
  stretches.erase(stretches.begin() + 1, stretches.end());  // until 200 ms
  model::History history = made_history();
  model::Lanes cores(kBegin, at(800), 54);
  model::LoopLanes lanes(history, tracks.loops, 20, model::Cells(kBegin, at(800), 54));
  history.listen(cores);
  history.listen(lanes);
  play(history);
  uint64_t busy_ns = 0, unknown_ns = 0;
  for (const model::LoopLanes::Part& part : lanes.parts().at(0))
    busy_ns += part.busy_ns, unknown_ns += part.unknown_ns;
  CHECK(busy_ns == 0);
  CHECK(unknown_ns == 130 * kMs);
  std::string text;
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  view::append_lanes(text, report, cores, {.width = 80, .ascii = true, .loops = &lanes});
  CHECK(lines_of(text).at(2) ==
        "loop app.js/42                  bBBBBBBb???   BBBB   wwwwwwwwwwwwwBB??????");
}

TEST_CASE("another process's thread of the same id isn't the loop's") {
  model::LoopTracks tracks = lane_tracks();
  tracks.loops[0].tgid = 1;
  tracks.loops[0].blocks.clear();
  model::History history = made_history();
  model::LoopLanes lanes(history, tracks.loops, 20, model::Cells(kBegin, at(800), 8));
  history.listen(lanes);
  play(history);
  for (const model::LoopLanes::Part& part : lanes.parts().at(0))
    CHECK(part.busy_ns + part.starved_ns == 0);
}

TEST_CASE("a loop's lane is drawn above the CPUs, with what blocked it below") {
  model::LoopTracks tracks = lane_tracks();
  model::History history = made_history();
  model::Lanes cores(kBegin, at(800), 54);
  model::LoopLanes lanes(history, tracks.loops, 20, model::Cells(kBegin, at(800), 54));
  history.listen(cores);
  history.listen(lanes);
  play(history);
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  view::LaneOptions options{.width = 80, .ascii = true, .loops = &lanes};
  std::string text;
  view::append_lanes(text, report, cores, options);
  const auto lines = lines_of(text);
  REQUIRE(lines.size() > 7);
  const std::string gap(26, ' ');
  CHECK(lines[2] == "loop app.js/42                  bBBBBBBb---   BBBB   wwwwwwwwwwwwwBB------");
  CHECK(lines[3] == gap + "      ^ spin (app.js:1), 2 times, up to 100 ms");
  CHECK(lines[4] == gap + "                    ^ read (app.js:2), 50 ms");
  CHECK(lines[5].empty());
  CHECK(lines[6].rfind("CPU 0", 0) == 0);
  CHECK(text.find("loop: B blocked") != std::string::npos);

  text.clear();
  options.ascii = false;
  view::append_lanes(text, report, cores, options);
  CHECK(text.find("▄██████▄---   ████   ░░░") != std::string::npos);
  text.clear();
  options.loops = nullptr;
  view::append_lanes(text, report, cores, options);
  CHECK(text.find("loop") == std::string::npos);
}

TEST_CASE("of very many loops only the first have a lane, and the others are counted") {
  model::LoopTracks tracks = lane_tracks();
  tracks.loops.resize(4, tracks.loops[0]);
  model::History history = made_history();
  model::Lanes cores(kBegin, at(800), 54);
  model::LoopLanes lanes(history, tracks.loops, 1, model::Cells(kBegin, at(800), 54));
  play(history);
  REQUIRE(lanes.parts().size() == 1);
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  std::string text;
  view::append_lanes(text, report, cores, {.width = 80, .ascii = true, .loops = &lanes});
  CHECK(text.find("\n3 more event loops\n\nCPU") != std::string::npos);
}

TEST_CASE("a function's name can't steer the terminal from a lane, and many of them are counted") {
  model::LoopTracks tracks = lane_tracks();
  tracks.loops[0].blocks.clear();
  for (int i = 0; i < 12; ++i)
    tracks.loops[0].blocks.push_back(block(60 * i, 50, "f\x1b[2J" + std::to_string(i), i));
  model::History history = made_history();
  model::Lanes cores(kBegin, at(800), 54);
  model::LoopLanes lanes(history, tracks.loops, 20, model::Cells(kBegin, at(800), 54));
  history.listen(cores);
  history.listen(lanes);
  play(history);
  const model::Report report = model::make_report(history, {}, model::By::thread, false);
  std::string text;
  view::append_lanes(text, report, cores, {.width = 80, .ascii = true, .loops = &lanes});
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("f?[2J0 (app.js") != std::string::npos);
  CHECK(text.find("more functions: timeslice report --by loop") != std::string::npos);
  for (const std::string& line : lines_of(text))
    if (line.find("app.js") != std::string::npos) CHECK(line.size() <= 80);
}

}  // namespace timeslice
