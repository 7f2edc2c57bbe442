// SPDX-License-Identifier: MIT
// Does the list do what the keys say, and stay calm while threads come, go and change places?
#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/screen/controls.h"
#include "view/screen/list_state.h"

using namespace timeslice;
using test::MadeFrame;
using view::Action;
using view::ColumnId;
using view::Controls;
using view::Key;
using view::ListState;

namespace {

// The rows as "tgid" for a process, "tgid/tid" for a thread.
std::string rows(const ListState& list) {
  std::string text;
  for (const view::Row& row : list.rows()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(row.process->tgid);
    if (row.thread != nullptr) text += '/' + std::to_string(row.thread->row.tid);
  }
  return text;
}

uint32_t selected_tid(const ListState& list) {
  const view::Row* row = list.selected_row();
  return row == nullptr || row->thread == nullptr ? 0 : row->thread->row.tid;
}

// node with three threads, hog with one, and a kernel thread.
void add_three(MadeFrame& made) {
  made.process(10, "node", "node");
  made.thread(10, "node", "main").cpu_pct = 20;
  made.thread(11, "node", "libuv-worker").cpu_pct = 30;
  made.thread(12, "node", "v8-worker").cpu_pct = 1;
  made.process(20, "hog");
  made.thread(20, "hog").cpu_pct = 90;
  made.process(2, "kthreadd").kernel = true;
  made.thread(2, "kthreadd", "kernel");
}

std::vector<Action> press(Controls& controls, const model::Frame& frame, std::string_view text) {
  std::vector<Action> actions;
  for (const char c : text)
    controls.press(c == '\n' ? Key{Key::enter, 0} : Key{Key::character, static_cast<char32_t>(c)},
                   &frame, actions);
  return actions;
}

std::vector<Action> press(Controls& controls, const model::Frame& frame, Key::Name name) {
  std::vector<Action> actions;
  controls.press({name, 0}, &frame, actions);
  return actions;
}

}  // namespace

TEST_CASE("the tree sorts processes by their sums, with threads below them") {
  MadeFrame made;
  add_three(made);
  ListState list;
  list.arrange(made.frame());
  CHECK(rows(list) == "20/20 10 10/11 10/10 10/12");  // hog's one row stands for both
  CHECK(!list.rows()[0].indented);
  CHECK(list.rows()[1].foldable);
  CHECK(list.rows()[2].indented);
  list.kernel_threads = true;
  list.arrange(made.frame());
  CHECK(rows(list) == "20/20 10 10/11 10/10 10/12 2/2");
}

TEST_CASE("when flat, the threads of all processes are in one order") {
  MadeFrame made;
  add_three(made);
  ListState list;
  list.tree = false;
  list.arrange(made.frame());
  CHECK(rows(list) == "20/20 10/11 10/10 10/12");
  list.threads = false;
  list.arrange(made.frame());
  CHECK(rows(list) == "20 10");
}

TEST_CASE("space folds a process, also from one of its threads") {
  MadeFrame made;
  add_three(made);
  Controls controls;
  controls.refreshed(made.frame());
  press(controls, made.frame(), Key::down);
  press(controls, made.frame(), Key::down);
  CHECK(selected_tid(controls.list) == 11);
  press(controls, made.frame(), " ");
  CHECK(rows(controls.list) == "20/20 10");
  CHECK(controls.list.selected() == 1);
  CHECK(controls.list.rows()[1].folded);
  press(controls, made.frame(), " ");
  CHECK(rows(controls.list) == "20/20 10 10/11 10/10 10/12");
  press(controls, made.frame(), "-");
  CHECK(rows(controls.list) == "20/20 10");
  press(controls, made.frame(), "+");
  CHECK(rows(controls.list) == "20/20 10 10/11 10/10 10/12");
}

TEST_CASE("folding ends with its process") {
  MadeFrame made, without;
  add_three(made);
  without.process(20, "hog");
  without.thread(20, "hog");
  ListState list;
  list.fold_all(true, made.frame());
  list.arrange(made.frame());
  CHECK(rows(list) == "20/20 10");
  list.arrange(without.frame());
  list.arrange(made.frame());  // the tgid came back
  CHECK(rows(list) == "20/20 10 10/11 10/10 10/12");
}

TEST_CASE("the selection stays on its thread when the order changes") {
  MadeFrame before, after;
  add_three(before);
  add_three(after);
  Controls controls;
  controls.refreshed(before.frame());
  press(controls, before.frame(), Key::down);
  press(controls, before.frame(), Key::down);
  press(controls, before.frame(), Key::down);
  REQUIRE(selected_tid(controls.list) == 10);
  after.threads()[0].cpu_pct = 99;
  controls.refreshed(after.frame());
  CHECK(rows(controls.list) == "10 10/10 10/11 10/12 20/20");
  CHECK(selected_tid(controls.list) == 10);
  CHECK(controls.list.selected() == 1);
}

TEST_CASE("a reused tid isn't the thread that was selected") {
  MadeFrame before, after;
  add_three(before);
  add_three(after);
  ListState list;
  list.arrange(before.frame());
  list.move(2);
  REQUIRE(selected_tid(list) == 11);
  after.threads()[1].row.start_ns += 1;
  list.arrange(after.frame());
  CHECK(selected_tid(list) == 0);  // its process's row instead
  CHECK(list.selected_row()->process->tgid == 10);
}

TEST_CASE("until a row is chosen, the first row is selected, whichever it is") {
  MadeFrame before, after;
  add_three(before);
  add_three(after);
  ListState list;
  list.arrange(before.frame());
  CHECK(selected_tid(list) == 20);
  after.threads()[0].cpu_pct = 99;
  list.arrange(after.frame());
  CHECK(list.selected() == 0);
  list.move(1);
  list.home();
  list.arrange(before.frame());
  CHECK(list.selected() == 0);
}

TEST_CASE("the visible rows follow the selection") {
  MadeFrame made;
  made.process(1, "p");
  for (uint32_t tid = 1; tid <= 50; ++tid) made.thread(tid, "t");
  ListState list;
  list.order = {&view::column(ColumnId::tid), false};
  list.arrange(made.frame());  // 51 rows
  list.set_height(10);
  list.move(9);
  CHECK(list.top() == 0);
  list.move(1);
  CHECK(list.top() == 1);
  list.page(1);
  CHECK(list.selected() == 19);
  CHECK(list.top() == 10);
  list.end();
  CHECK(list.selected() == 50);
  CHECK(list.top() == 41);
  list.set_height(20);
  CHECK(list.top() == 31);  // no empty lines below the last row
  list.move(-100);
  CHECK(list.top() == 0);
  CHECK(list.selected() == 0);
}

TEST_CASE("an ended row is shown for one refresh") {
  MadeFrame made, after;
  add_three(made);
  made.threads()[3].ended = true;
  made.processes()[1].ended = true;
  ListState list;
  list.arrange(made.frame());
  CHECK(list.rows()[0].thread->ended);
  after.process(10, "node");
  after.thread(10, "node");
  list.arrange(after.frame());
  CHECK(rows(list) == "10/10");
}

TEST_CASE("of many ended threads of a process three have a row, and one more counts the rest") {
  MadeFrame made;
  model::Process& crowd = made.process(10, "crowd");
  for (uint32_t tid = 1000; tid < 5000; ++tid) made.thread(tid, "short").ended = true;
  made.thread(10, "crowd").cpu_pct = 1;
  crowd.ended_cpu_pct = 37;
  ListState list;
  list.arrange(made.frame());
  CHECK(rows(list) == "10 10/10 10/1000 10/1001 10/1002 10");
  CHECK(list.rows().back().ended_sum);
  CHECK(list.rows().back().ended_hidden == 3997);
  list.tree = false;
  list.arrange(made.frame());
  CHECK(rows(list) == "10/10 10/1000 10/1001 10/1002 10");
}

TEST_CASE("the selection stays on the line of an ended thread, and moves from there") {
  MadeFrame made;
  for (const uint32_t tgid : {10U, 20U}) {
    made.process(tgid, "p").ended_cpu_pct = 37;
    made.thread(tgid, "p").cpu_pct = 1;
  }
  ListState list;
  for (const bool tree : {true, false}) {
    list.tree = tree;
    list.arrange(made.frame());
    list.home();
    for (size_t i = 1; i < list.rows().size(); ++i) {
      list.move(1);
      list.arrange(made.frame());
      CHECK(list.selected() == i);
    }
  }
}

TEST_CASE("a single thread represents its process only while their figures are the same") {
  MadeFrame made;
  model::Process& process = made.process(10, "p");
  made.thread(10, "p").cpu_pct = 1;
  ListState list;
  list.arrange(made.frame());
  CHECK(rows(list) == "10/10");
  process.ended_cpu_pct = 37;
  list.arrange(made.frame());
  CHECK(rows(list) == "10 10/10 10");
}

TEST_CASE("an empty frame leaves nothing to select") {
  MadeFrame empty;
  ListState list;
  list.arrange(empty.frame());
  list.move(1);
  list.end();
  list.toggle_fold();
  list.arrange(empty.frame());
  CHECK(list.selected_row() == nullptr);
}

TEST_CASE("a filter is part of a comm or role, or a glob for the whole") {
  CHECK(view::matches("UV", "libuv-worker"));
  CHECK(view::matches("*worker", "v8-worker"));
  CHECK(!view::matches("v8*x", "v8-worker"));
  CHECK(view::matches("v8-[dw]*", "v8-delayed"));
  CHECK(!view::matches("uv", "v8-worker"));
}

TEST_CASE("the list narrows while a filter is typed, and Esc restores it") {
  MadeFrame made;
  add_three(made);
  Controls controls;
  controls.refreshed(made.frame());
  press(controls, made.frame(), "/li");
  CHECK(rows(controls.list) == "10 10/11");
  press(controls, made.frame(), "x");
  CHECK(rows(controls.list).empty());
  press(controls, made.frame(), Key::backspace);
  press(controls, made.frame(), "\n");
  CHECK(controls.focus == Controls::Focus::list);
  CHECK(rows(controls.list) == "10 10/11");
  press(controls, made.frame(), Key::escape);
  CHECK(rows(controls.list) == "20/20 10 10/11 10/10 10/12");
  press(controls, made.frame(), "/node\n");  // the process's own name: all of it
  CHECK(rows(controls.list) == "10 10/11 10/10 10/12");
}

TEST_CASE("keys choose the order") {
  MadeFrame made;
  add_three(made);
  Controls controls;
  controls.refreshed(made.frame());
  press(controls, made.frame(), "N");
  CHECK(rows(controls.list) == "10 10/10 10/11 10/12 20/20");
  press(controls, made.frame(), "r");
  CHECK(rows(controls.list) == "20/20 10 10/12 10/11 10/10");
  for (const char* keys : {"P", "V", "I", "W", "M"}) press(controls, made.frame(), keys);
  CHECK(controls.list.order.column->id == ColumnId::migrations_per_s);
  CHECK(!controls.list.order.reversed);
  press(controls, made.frame(), "<");
  CHECK(controls.list.order.column->id == ColumnId::wait_ms_per_s);
  press(controls, made.frame(), ">>");
  CHECK(controls.list.order.column->id == ColumnId::nvcsw);  // over what count mode doesn't have
  press(controls, made.frame(), "scomm\n");
  CHECK(controls.list.order.column->id == ColumnId::comm);
  press(controls, made.frame(), "snonsense\n");
  CHECK(controls.list.order.column->id == ColumnId::comm);
  CHECK(controls.message.find("'nonsense'") != std::string::npos);
}

TEST_CASE("a delay must be a number that makes sense") {
  MadeFrame made;
  Controls controls;
  CHECK(press(controls, made.frame(), "d0.25\n") == std::vector<Action>{Action::delay});
  CHECK(controls.delay_s == 0.25);
  for (const char* bad : {"d0\n", "d-1\n", "d3601\n", "dtwo\n", "d1x\n", "dnan\n"}) {
    CHECK(press(controls, made.frame(), bad).empty());
    CHECK(controls.message.find("from 0.05 to 3600") != std::string::npos);
    CHECK(controls.delay_s == 0.25);
  }
  CHECK(press(controls, made.frame(), "d\n").empty());  // nothing typed: nothing meant
  CHECK(controls.message.empty());
}

TEST_CASE("some keys are handled by the tool") {
  MadeFrame count, aggregate(Mode::aggregate);
  Controls controls;
  CHECK(press(controls, count.frame(), "a") == std::vector<Action>{Action::climb});
  CHECK(press(controls, aggregate.frame(), "a") == std::vector<Action>{Action::descend});
  CHECK(press(controls, count.frame(), "q") == std::vector<Action>{Action::quit});
  CHECK(press(controls, count.frame(), "p") == std::vector<Action>{Action::pause});
  CHECK(controls.paused);
  CHECK(press(controls, count.frame(), Key::refresh) == std::vector<Action>{Action::refresh});
  press(controls, count.frame(), "h");
  CHECK(press(controls, count.frame(), "q").empty());  // leaves the help page only
  CHECK(controls.focus == Controls::Focus::list);
  CHECK(press(controls, count.frame(), "/q\x03") == std::vector<Action>{Action::quit});
}

TEST_CASE("a message stays for five seconds or until a key") {
  MadeFrame made;
  Controls controls;
  made.frame().time_ns = 10'000'000'000;
  controls.refreshed(made.frame());
  controls.say("no");
  made.frame().time_ns = 14'000'000'000;
  controls.refreshed(made.frame());
  CHECK(controls.message == "no");
  made.frame().time_ns = 16'000'000'000;
  controls.refreshed(made.frame());
  CHECK(controls.message.empty());
  controls.say("no");
  press(controls, made.frame(), Key::down);
  CHECK(controls.message.empty());
}
