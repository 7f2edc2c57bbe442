// SPDX-License-Identifier: MIT
// Does top show what the event loops of the threads in view do, and nothing of it where nobody
// watches any?
#include <nlohmann/json.hpp>

#include "model/tracker.h"
#include "tests/catch.h"
#include "tests/unit/rows.h"
#include "tests/unit/view_frames.h"
#include "view/format/columns.h"
#include "view/format/json.h"
#include "view/screen/draw.h"
#include "view/screen/layout.h"

namespace timeslice {

namespace {

using model::WatchedLoop;

constexpr uint64_t kMs = 1'000'000;

WatchedLoop loop_of(uint32_t tgid, uint32_t tid, uint64_t active_ms) {
  WatchedLoop loop;
  loop.tgid = tgid;
  loop.tid = tid;
  loop.is_main = tgid == tid;
  loop.figures.interval_ns = 1'000 * kMs;
  loop.figures.turns = 250;
  loop.figures.active.oncpu = active_ms * kMs;
  loop.figures.longest_turn_ns = 214 * kMs;
  model::LoopBlock block;
  block.duration_ns = 214 * kMs;
  block.split.oncpu = 214 * kMs;
  block.profile.add({{{"ha\x1b[0msh", "/srv/app.js", 58, 3, true}}, "poll"});
  loop.figures.blocks.push_back(block);
  return loop;
}

model::WatchedPool pool_of(uint32_t tgid) {
  model::WatchedPool pool;
  pool.tgid = tgid;
  pool.figures.threads = 4;
  pool.figures.busy = 2.5;
  pool.figures.queued = 7;
  return pool;
}

bool shows(const view::Layout& layout, view::ColumnId id) {
  return std::any_of(layout.columns.begin(), layout.columns.end(),
                     [&](const view::PlacedColumn& placed) { return placed.column->id == id; });
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A Node whose first thread has a loop, and its second none.
struct MadeNode : test::MadeFrame {
  MadeNode() {
    process(10, "node", "node").pool = &pool;
    thread(10, "node", "main").loop = &loop;
    thread(11, "node");
    processes()[0].loop = &loop;
    frame().has_loops = true;
  }
  WatchedLoop loop = loop_of(10, 10, 614);
  model::WatchedPool pool = pool_of(10);
};

}  // namespace

TEST_CASE("loops are their threads', and a process has its busiest") {
  made_up::Source source;
  source.threads = {made_up::thread(10, 10), made_up::thread(10, 11), made_up::thread(20, 20)};
  model::Tracker tracker;
  source.pass(tracker);
  const model::Frame& frame = source.pass(tracker);
  CHECK_FALSE(frame.has_loops);
  model::LoopFrame loops;
  loops.loops = {loop_of(10, 10, 100), loop_of(10, 11, 700), loop_of(99, 99, 1)};
  loops.pools = {pool_of(10), pool_of(99)};
  tracker.show_loops(loops);
  CHECK(frame.has_loops);
  CHECK(made_up::find(frame, 10)->loop == &loops.loops[0]);
  CHECK(made_up::find(frame, 11)->loop == &loops.loops[1]);
  CHECK(made_up::find(frame, 20)->loop == nullptr);
  CHECK(frame.processes[0]->loop == &loops.loops[1]);
  CHECK(frame.processes[0]->pool == &loops.pools[0]);
  CHECK(frame.processes[1]->loop == nullptr);
  // The next pass has none until it is told.
  const uint64_t before = made_up::find(frame, 10)->changed_at;
  source.pass(tracker);
  CHECK_FALSE(frame.has_loops);
  CHECK(made_up::find(frame, 10)->loop == nullptr);
  CHECK(made_up::find(frame, 10)->changed_at > before);
  CHECK(frame.processes[0]->pool == nullptr);
}

TEST_CASE("columns of loops are there where a loop is watched, on 80 columns as well") {
  MadeNode made;
  view::Controls controls;
  controls.refreshed(made.frame());
  const view::ListState& list = controls.list;
  made.frame().has_loops = false;
  CHECK_FALSE(shows(view::lay_out(200, 0, list, made.frame()), view::ColumnId::loop_pct));
  CHECK_FALSE(has(view::lost_columns(made.frame()), "LOOP%"));
  made.frame().has_loops = true;
  for (const int width : {80, 200}) {
    const view::Layout layout = view::lay_out(width, 0, list, made.frame());
    CHECK(shows(layout, view::ColumnId::loop_pct));
    CHECK(shows(layout, view::ColumnId::longest_turn_ms));
  }
  view::Scratch scratch;
  CHECK(view::cell(view::column(view::ColumnId::loop_pct), made.threads()[0], scratch) == "61.4");
  CHECK(view::cell(view::column(view::ColumnId::longest_turn_ms), made.processes()[0], scratch) ==
        "214");
  CHECK(&view::find_column("loop") == &view::column(view::ColumnId::loop_pct));
}

TEST_CASE("where there are more columns than fit, the headings say so at any width") {
  MadeNode made;
  view::Controls controls;
  for (int width = 80; width <= 200; ++width) {
    controls.refreshed(made.frame());
    const size_t pages = view::lay_out(width, 0, controls.list, made.frame()).pages;
    view::Canvas canvas(width, 24, true);
    view::draw_page(canvas, &made.frame(), controls, "18:31:02");
    CAPTURE(width, canvas.plain());
    CHECK((pages == 1 || has(canvas.plain(), "1/" + std::to_string(pages) + ">")));
  }
}

TEST_CASE("scripts get a thread's loop and a process's pool in short, or null") {
  MadeNode made;
  std::string text;
  view::append_json(text, made.frame());
  CHECK(text.find('\x1b') == std::string::npos);
  const auto json = nlohmann::json::parse(text);
  const auto& shown = json["threads"][0]["loop"];
  CHECK(shown["utilisation"] == 0.614);
  CHECK(shown["turns_per_s"] == 250);
  CHECK(shown["longest_turn_ms"] == 214);
  CHECK(shown["blocks"] == 1);
  CHECK(shown["gc_ratio"].is_null());
  CHECK(shown["blocked_by"]["function"] == "ha\x1b[0msh");
  CHECK(shown["blocked_by"]["line"] == 58);
  CHECK(json["threads"][1]["loop"].is_null());
  CHECK(json["processes"][0]["pool"]["busy"] == 2.5);
  CHECK(json["processes"][0]["pool"]["queue_depth"] == 7);
  CHECK(json["processes"][0]["pool"]["slow_queue_depth"].is_null());
}

TEST_CASE("the details show a loop, what blocked it, and the pool") {
  MadeNode made;
  view::Controls controls;
  controls.details = true;
  const auto page = [&] {
    view::Canvas canvas(80, 24, true);
    controls.refreshed(made.frame());
    view::draw_page(canvas, &made.frame(), controls, "18:31:02");
    return canvas.plain();
  };
  const std::string process = page();
  CHECK(has(process, "250 turns/s  active 61.4%  longest turn 214 ms"));
  CHECK(has(process, "blocked   214 ms by ha?[0msh (/srv/app.js:58)"));
  CHECK(has(process, "4 threads, 2.5 busy, 7 jobs wait"));
  controls.list.move(1);
  const std::string thread = page();
  CHECK(has(thread, "blocked   214 ms by ha?[0msh (/srv/app.js:58)"));
  CHECK_FALSE(has(thread, "jobs wait"));
}

}  // namespace timeslice
