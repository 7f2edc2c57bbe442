// SPDX-License-Identifier: MIT
// Does the whole screen look as it should? Pages drawn on a canvas and read as plain text.
#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/format/printable.h"
#include "view/screen/bars.h"
#include "view/screen/draw.h"
#include "view/screen/help.h"
#include "view/screen/histogram.h"
#include "view/screen/layout.h"

using namespace timeslice;
using test::MadeFrame;
using view::Canvas;
using view::ColumnId;
using view::Controls;

namespace {

void add_node(MadeFrame& made) {
  made.core(0.934, 9975);
  made.core(0.08, 12.3);
  made.process(4321, "node", "node");
  model::Thread& main = made.thread(4321, "node", "main");
  main.cpu_pct = 61.8;
  main.nvcsw_per_s = 794;
  main.nivcsw_per_s = 0;
  main.wait_ms_per_s = 47;
  main.row.state = 'R';
  model::Thread& worker = made.thread(4322, "node", "libuv-worker");
  worker.row.cpu = 1;
  worker.sleeps_in = "futex: libuv cond";
  worker.role.evidence = "futex: libuv cond";
  worker.role.confidence = 0.95;
  made.process(5000, "hog");
  model::Thread& hog = made.thread(5000, "hog");
  hog.cpu_pct = 93;
  hog.ended = true;
  made.processes().back().ended = true;
}

std::string page(MadeFrame& made, Controls& controls, int width, int height, bool ascii = true) {
  Canvas canvas(width, height, ascii);
  controls.refreshed(made.frame());
  view::draw_page(canvas, &made.frame(), controls, "18:31:02");
  return canvas.plain();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const char* const small_page =
    R"(timeslice top  count mode, no probes  every 1 s          2 proc  2 thr  18:31:02
0 ################.  93%  9975 sw/s q2   1 #................   8%    12 sw/s q0
     TID THREAD            THR S  CPU v%CPU VOL/S INV/S WAITms SLEEPS IN    1/2>
x   5000 hog                 0 X    0  93.0     -     -      - (ended)
-   4321 node                2         61.8   794     0   47.0
    4321  main                 r    0  61.8   794     0   47.0 -
    4322  libuv-worker         S    1     -     -     -      - futex: libuv cond
)";

}  // namespace

TEST_CASE("80 columns show the most important columns") {
  MadeFrame made;
  add_node(made);
  made.processes().back().ended = false;
  Controls controls;
  const std::string text = page(made, controls, 80, 24);
  CHECK(text.substr(0, std::string(small_page).size()) == small_page);
  CHECK(has(text, "\ntrust: nothing lost, self -% CPU, no probes; n/a: P99us PREEMPTOR WAKER\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 24);
}

TEST_CASE("what ended threads did has a line, so that a process's lines add up") {
  MadeFrame made;
  model::Process& process = made.process(10, "short");
  process.ended_cpu_pct = 37, process.ended_nvcsw_per_s = 25;
  made.thread(10, "short", "main").cpu_pct = 1;
  Controls controls;
  const std::string text = page(made, controls, 80, 24);
  CHECK(has(text, "\nx         (ended)                      37.0    25     -"));
}

TEST_CASE("nothing on a line overlaps what is before it, at any width") {
  for (const Mode mode : {Mode::count, Mode::aggregate})
    for (const int width : {80, 81, 97, 109, 110, 132, 200})
      for (const bool details : {false, true}) {
        MadeFrame made(mode);
        add_node(made);
        Controls controls;
        controls.details = details;
        controls.refreshed(made.frame());
        Canvas canvas(width, 30, false);
        view::draw_page(canvas, &made.frame(), controls, "18:31:02");
        int covered = 0;
        for (int y = 0; y < canvas.height(); ++y) {
          int end = 0;
          for (const Canvas::Span& span : canvas.line(y)) {
            covered += span.x < end;
            end = span.x + static_cast<int>(view::display_width(canvas.text(span)));
          }
          covered += end > width;
        }
        CHECK(covered == 0);
      }
}

TEST_CASE("200 columns show every column of the mode") {
  MadeFrame made(Mode::aggregate);
  add_node(made);
  Controls controls;
  controls.refreshed(made.frame());
  const view::Layout layout = view::lay_out(200, 0, controls.list, made.frame());
  CHECK(layout.pages == 1);
  size_t wanted = 0;
  for (const view::Column& c : view::columns())
    wanted += c.place != view::Place::files && !c.loops && c.id != ColumnId::name &&
              c.id != ColumnId::tgid;
  CHECK(layout.columns.size() == wanted);
}

TEST_CASE("the pages of columns hold each of them, and the one that sorts is on all") {
  MadeFrame made(Mode::aggregate);
  add_node(made);
  Controls controls;
  controls.list.order = {&view::column(ColumnId::wait_p99_us), false};
  controls.refreshed(made.frame());
  std::vector<ColumnId> seen;
  const size_t pages = view::lay_out(80, 0, controls.list, made.frame()).pages;
  for (size_t page = 0; page < pages; ++page) {
    const view::Layout layout = view::lay_out(80, page, controls.list, made.frame());
    CHECK(layout.page == page);
    bool sorted = false;
    for (const view::PlacedColumn& p : layout.columns) {
      seen.push_back(p.column->id);
      sorted |= p.column->id == ColumnId::wait_p99_us;
      CHECK(p.x + p.width <= 80);
    }
    CHECK(sorted);
  }
  for (const ColumnId id : {ColumnId::sleeps_in, ColumnId::top_waker, ColumnId::top_preemptor,
                            ColumnId::prio, ColumnId::nvcsw})
    CHECK(std::count(seen.begin(), seen.end(), id) == 1);
  CHECK(view::lay_out(80, 99, controls.list, made.frame()).page == pages - 1);
}

TEST_CASE("a terminal that is too small gets a message") {
  MadeFrame made;
  add_node(made);
  Controls controls;
  CHECK(has(page(made, controls, 79, 24), "timeslice top needs 80x24, and this is 79x24"));
  CHECK(has(page(made, controls, 80, 23), "needs 80x24"));
  CHECK(has(page(made, controls, 1, 1), "t"));
  CHECK(has(page(made, controls, 80, 24), "main"));
}

TEST_CASE("the details show what is known, and which key shows the rest") {
  MadeFrame made;
  add_node(made);
  Controls controls;
  controls.refreshed(made.frame());
  controls.list.move(3);
  controls.details = true;
  const std::string text = page(made, controls, 80, 24);
  CHECK(has(text, "node 4321 + thread node 4322"));
  CHECK(has(text, "libuv-worker, 95% confidence: futex: libuv cond"));
  CHECK(has(text, "S  sleeping in futex: libuv cond"));
  CHECK(has(text, "a switches to aggregate mode"));
}

TEST_CASE("the details in aggregate mode show waits and peers") {
  MadeFrame made(Mode::aggregate);
  add_node(made);
  model::SchedFigures sched;
  made.threads()[1].sched = &sched;
  sched.waits = 1000;
  sched.seconds = 12;
  sched.wait_p99_us = 340;
  sched.wait_hist[ts_wait_bucket(2'000)] = 900;
  sched.wait_hist[ts_wait_bucket(300'000)] = 100;
  model::TopPeer hog;
  hog.name = "hog";
  hog.tid = 5000;
  hog.share = 0.62;
  hog.context = TS_CONTEXT_TASK;
  sched.preemptors = {hog};
  sched.wakeups = {0, 20, 80, 0};
  Controls controls;
  controls.refreshed(made.frame());
  controls.list.move(3);
  controls.details = true;
  const std::string text = page(made, controls, 80, 24);
  CHECK(has(text, "run-queue wait "));
  CHECK(has(text, "1,000 waits in 12 s"));
  CHECK(has(text, "p99 340 us"));
  CHECK(has(text, "62%  hog:5000"));
  CHECK(has(text, "thread 20%  softirq 80%"));
}

TEST_CASE("each wait is counted in one line of the histogram") {
  view::WaitHistogram buckets{};
  CHECK(view::fold_histogram(buckets, 10).empty());
  buckets[0] = 3;
  auto lines = view::fold_histogram(buckets, 10);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].floor_ns == 0);
  CHECK(lines[0].count == 3);
  buckets[ts_wait_bucket(1024)] = 5;
  buckets[ts_wait_bucket(2047)] = 1;
  buckets[ts_wait_bucket(2048)] = 7;
  lines = view::fold_histogram(buckets, 10);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].count == 6);
  CHECK(lines[2].count == 7);
  for (uint32_t& bucket : buckets) bucket = 1;
  for (const size_t most : {1, 3, 10, 27, 99}) {
    lines = view::fold_histogram(buckets, most);
    CHECK(lines.size() <= most);
    uint64_t sum = 0;
    for (const view::HistogramLine& line : lines) sum += line.count;
    CHECK(sum == TS_WAIT_BUCKETS);
  }
  REQUIRE(lines.size() == 27);
  CHECK(lines[1].floor_ns == 1024);  // an octave a line
  CHECK(lines[2].floor_ns == 2048);
  CHECK(lines[1].count == 4);
}

TEST_CASE("a bar is as long as its ratio") {
  Canvas canvas(10, 3, true);
  view::draw_bar(canvas, 0, 0, 10, 0.5, view::Style::good);
  view::draw_bar(canvas, 1, 0, 10, 7, view::Style::good);
  view::draw_bar(canvas, 2, 0, 10, 0, view::Style::good);
  CHECK(canvas.plain() == "#####.....\n##########\n..........\n");
}

TEST_CASE("many CPUs take few lines") {
  std::vector<model::Core> cores(1024);
  for (uint32_t i = 0; i < cores.size(); ++i) cores[i].cpu = i;
  CHECK(view::core_lines({cores.begin(), cores.begin() + 2}, 80, 24) == 1);
  CHECK(view::core_lines({cores.begin(), cores.begin() + 16}, 80, 24) == 4);
  CHECK(view::core_lines({cores.begin(), cores.begin() + 64}, 80, 24) == 2);
  CHECK(view::core_lines(cores, 80, 24) <= 5);
}

TEST_CASE("an ASCII page has no other bytes") {
  MadeFrame made(Mode::aggregate);
  add_node(made);
  Controls controls;
  std::string text = page(made, controls, 120, 40);
  controls.details = true;
  text += page(made, controls, 120, 40);
  controls.focus = Controls::Focus::help;
  text += page(made, controls, 120, 200);
  CHECK(
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; }));
}

TEST_CASE("the help page names every column on the screen and fits its width") {
  std::string all;
  for (const view::HelpLine& line : view::help_lines()) {
    CHECK(line.key.size() <= 12);
    CHECK(line.text.size() <= 66);
    all += line.key + '\n';
  }
  for (const view::Column& c : view::columns())
    if (c.place != view::Place::files) CHECK(has(all, std::string(c.heading) + '\n'));
}

TEST_CASE("on a narrow screen the row that represents a process has the process's name") {
  MadeFrame made;
  add_node(made);
  made.process(6000, "bash");
  made.thread(6000, "bash", "main");
  made.process(7000, "cc1plus");  // whose first thread has ended, and the other has another name
  made.thread(7001, "helper", "main");
  Controls controls;
  const auto begins = [&](const std::string& row) {
    const std::string text = page(made, controls, 80, 24);
    return has(text, "\n" + row + " ");
  };
  for (const bool tree : {true, false}) {
    CAPTURE(tree);
    controls.list.tree = tree;
    CHECK(begins("    6000 bash"));
    CHECK(begins("    7001 cc1plus"));
    CHECK(begins(tree ? "    4321  main" : "    4321 node"));
    CHECK(begins(tree ? "    4322  libuv-worker" : "    4322 libuv-worker"));
  }
}
