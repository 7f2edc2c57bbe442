// SPDX-License-Identifier: MIT
// Does a figure look right in its cell, stand in the right place when sorted, and answer to its
// name?
#include "base/failure.h"
#include "tests/catch.h"
#include "tests/unit/view_frames.h"
#include "view/format/columns.h"
#include "view/format/number.h"
#include "view/format/order.h"
#include "view/format/printable.h"

using namespace timeslice;
using test::MadeFrame;
using view::ColumnId;
using view::Kind;

namespace {

std::string shown(double figure, Kind kind) {
  view::Scratch scratch;
  return std::string(view::compact(figure, kind, scratch));
}

std::string cell(ColumnId id, const model::Thread& thread) {
  view::Scratch scratch;
  return std::string(view::cell(view::column(id), thread, scratch));
}

std::vector<uint32_t> tids(const std::vector<const model::Thread*>& threads) {
  std::vector<uint32_t> result;
  for (const model::Thread* t : threads) result.push_back(t->row.tid);
  return result;
}

}  // namespace

TEST_CASE("a rate takes five characters at most") {
  CHECK(shown(0, Kind::rate) == "0");
  CHECK(shown(0.02, Kind::rate) == "0.0");  // little, but not nothing
  CHECK(shown(3.21, Kind::rate) == "3.2");
  CHECK(shown(9.96, Kind::rate) == "10");
  CHECK(shown(812.4, Kind::rate) == "812");
  CHECK(shown(9999.4, Kind::rate) == "9999");
  CHECK(shown(9999.6, Kind::rate) == "10.0k");
  CHECK(shown(12345, Kind::rate) == "12.3k");
  CHECK(shown(99'960, Kind::rate) == "100k");
  CHECK(shown(999'600, Kind::rate) == "1.0M");
  CHECK(shown(12'345'678, Kind::rate) == "12.3M");
}

TEST_CASE("other kinds of figures keep their significant digits") {
  CHECK(shown(0.042, Kind::fine) == "0.04");
  CHECK(shown(9.996, Kind::fine) == "10.0");
  CHECK(shown(48.12, Kind::fine) == "48.1");
  CHECK(shown(812, Kind::fine) == "812");
  CHECK(shown(7.25, Kind::percent) == "7.3");
  CHECK(shown(100, Kind::percent) == "100.0");
  CHECK(shown(1599.7, Kind::percent) == "1600");
  CHECK(shown(-20, Kind::whole) == "-20");
  CHECK(shown(0, Kind::whole) == "0");
  CHECK(shown(99'999'999, Kind::total) == "99999999");
  CHECK(shown(123'456'789, Kind::total) == "123M");
}

// A made-up recording may hold any total, and rates over a nanosecond.
TEST_CASE("figures that no machine has counted are written all the same") {
  CHECK(shown(1.8447e28, Kind::rate) == "18447000000E");
  CHECK(shown(1.8447e28, Kind::percent) == "1.845e+28");
  CHECK(shown(1.8447e19, Kind::whole) == "1.845e+19");
  std::string exact;
  for (const double figure : {8e18, 1.8447e19, 1.8447e22 + 0.5})
    view::append_exact(exact += ' ', figure);
  CHECK(exact == " 8000000000000000000 1.845e+19 1.845e+22");
}

TEST_CASE("durations choose their unit after rounding") {
  CHECK(view::duration(0) == "0 ns");
  CHECK(view::duration(812) == "812 ns");
  CHECK(view::duration(3210) == "3.2 us");
  CHECK(view::duration(999'700) == "1.0 ms");
  CHECK(view::duration(48e6) == "48 ms");
  CHECK(view::duration(90e9) == "1.5 min");
  CHECK(view::grouped(12'345'678) == "12,345,678");
  CHECK(view::grouped(123) == "123");
}

TEST_CASE("an absent figure is a dash and never 0") {
  MadeFrame made;
  made.process(10, "node");
  model::Thread& t = made.thread(10, "node");
  t.row.nvcsw = 7;
  CHECK(cell(ColumnId::cpu_pct, t) == "-");
  CHECK(cell(ColumnId::nvcsw_per_s, t) == "-");
  CHECK(cell(ColumnId::nvcsw, t) == "7");
  CHECK(cell(ColumnId::wait_p99_us, t) == "-");
  CHECK(cell(ColumnId::top_waker, t) == "-");
  CHECK(cell(ColumnId::sleeps_in, t) == "-");
  t.row.record.have = 0;
  CHECK(cell(ColumnId::nvcsw, t) == "-");
  t.cpu_pct = 0;
  CHECK(cell(ColumnId::cpu_pct, t) == "0");
}

TEST_CASE("a runnable thread is distinguished from a running one") {
  MadeFrame made;
  made.process(10, "node");
  model::Thread& t = made.thread(10, "node");
  CHECK(cell(ColumnId::state, t) == "S");
  t.row.state = 'R';
  CHECK(cell(ColumnId::state, t) == "r");
  t.row.flags = TS_THREAD_ON_CPU;
  CHECK(cell(ColumnId::state, t) == "R");
  t.row.flags = 0;
  t.row.record.have &= ~static_cast<uint32_t>(TS_HAVE_ON_CPU);
  CHECK(cell(ColumnId::state, t) == "R");  // not known: as ps has it
  t.ended = true;
  CHECK(cell(ColumnId::state, t) == "X");
  CHECK(cell(ColumnId::sleeps_in, t) == "(ended)");
}

TEST_CASE("a scheduling policy has one name, and an unknown one is its number") {
  MadeFrame made;
  made.process(10, "node");
  model::Thread& t = made.thread(10, "node");
  const std::vector<std::string> names = {"normal", "fifo",     "rr",  "batch", "4",
                                          "idle",   "deadline", "ext", "8"};
  for (uint32_t policy = 0; policy < names.size(); ++policy) {
    t.row.policy = policy;
    CHECK(cell(ColumnId::policy, t) == names[policy]);
  }
}

TEST_CASE("a peer shows its share, name and tid") {
  MadeFrame made(Mode::aggregate);
  made.process(10, "node");
  model::Thread& t = made.thread(10, "node");
  model::TopPeer peer;
  peer.name = "hog";
  peer.tid = 4312;
  peer.share = 0.624;
  model::SchedFigures sched;
  t.sched = &sched;
  sched.top_preemptor = peer;
  CHECK(cell(ColumnId::top_preemptor, t) == "62% hog:4312");
  peer.name = "softirq";
  peer.tid = 0;
  sched.top_waker = peer;
  CHECK(cell(ColumnId::top_waker, t) == "62% softirq");
}

TEST_CASE("a comm can't control the terminal") {
  MadeFrame made;
  made.process(10, "x");
  CHECK(cell(ColumnId::comm, made.thread(10, "a\x1b[31mb\x7f")) == "a?[31mb?");
  CHECK(cell(ColumnId::comm, made.thread(11, "a\xff\xc3")) == "a??");
  view::Scratch scratch;
  for (size_t length = 0; length < 20; ++length)
    for (size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = '\n';
      std::string mended(length, 'x');
      mended[at] = '?';
      CHECK(view::printable(text, scratch) == mended);
    }
}

TEST_CASE("each column id has one row, and its name leads back to it") {
  CHECK(view::columns().size() == view::column_count);
  for (size_t i = 0; i < view::column_count; ++i) {
    const auto id = static_cast<ColumnId>(i);
    const view::Column& c = view::column(id);
    INFO(c.name);
    CHECK(c.id == id);
    // "cpu" is taken: as in top, it means %CPU.
    CHECK(view::find_column(id == ColumnId::cpu ? "core" : c.name).id == id);
    CHECK(view::find_column(id == ColumnId::cpu ? "core" : c.heading).id == id);
  }
}

TEST_CASE("columns are found by name, heading and top's names") {
  CHECK(view::find_column("tid").id == ColumnId::tid);
  CHECK(view::find_column("NVCSW_PER_S").id == ColumnId::nvcsw_per_s);
  CHECK(view::find_column("%cpu").id == ColumnId::cpu_pct);
  CHECK(view::find_column("cpu").id == ColumnId::cpu_pct);
  CHECK(view::find_column("core").id == ColumnId::cpu);
  CHECK(view::find_column("VCSW").id == ColumnId::nvcsw_per_s);
  CHECK(view::find_column("nvcsw").id == ColumnId::nvcsw);
  CHECK(view::find_column("PID").id == ColumnId::tgid);
  CHECK(view::find_column("p99").id == ColumnId::wait_p99_us);
}

TEST_CASE("the error for a bad column name lists the good ones") {
  try {
    (void)view::find_column("colour");
    FAIL("accepted");
  } catch (const Failure& failure) {
    const std::string sentence = failure.what();
    CHECK(sentence.find("'colour'") != std::string::npos);
    CHECK(sentence.find("wait_ms_per_s") != std::string::npos);
    CHECK(sentence.find("core") != std::string::npos);
  }
}

TEST_CASE("each column can format and sort a thread or a process") {
  for (const view::Column& c : view::columns()) {
    INFO(c.name);
    CHECK((c.kind == Kind::text) == (c.of_thread == nullptr && c.of_process == nullptr));
    CHECK(c.least_width <= c.most_width);
    CHECK(!c.meaning.empty());
  }
}

TEST_CASE("absent figures come last whichever way the order is turned") {
  MadeFrame made;
  made.process(1, "p");
  made.thread(1, "a").cpu_pct = 5;
  made.thread(2, "b");
  made.thread(3, "c").cpu_pct = 50;
  made.thread(4, "d").cpu_pct = 0;
  made.thread(5, "e").cpu_pct = 50;
  std::vector<const model::Thread*> threads = made.frame().threads;
  view::Sorter sorter;
  sorter.sort(threads, {&view::column(ColumnId::cpu_pct), false});
  CHECK(tids(threads) == std::vector<uint32_t>{3, 5, 1, 4, 2});
  threads = made.frame().threads;
  sorter.sort(threads, {&view::column(ColumnId::cpu_pct), true});
  CHECK(tids(threads) == std::vector<uint32_t>{4, 1, 3, 5, 2});
}

TEST_CASE("texts sort by all their bytes, negative numbers below positive ones") {
  MadeFrame made;
  made.process(1, "p");
  made.thread(1, "GC Thread#9").row.nice = 3;
  made.thread(2, "GC Thread#1").row.nice = -5;
  made.thread(3, "GC").row.nice = 0;
  std::vector<const model::Thread*> threads = made.frame().threads;
  view::Sorter sorter;
  sorter.sort(threads, {&view::column(ColumnId::comm), false});
  CHECK(tids(threads) == std::vector<uint32_t>{3, 2, 1});
  sorter.sort(threads, {&view::column(ColumnId::comm), true});
  CHECK(tids(threads) == std::vector<uint32_t>{1, 2, 3});
  sorter.sort(threads, {&view::column(ColumnId::nice), false});
  CHECK(tids(threads) == std::vector<uint32_t>{2, 3, 1});
}

TEST_CASE("the frame knows which columns it can't fill") {
  MadeFrame made;
  made.process(1, "p");
  made.thread(1, "a");
  CHECK(view::lost_columns(made.frame()) == "P99us PREEMPTOR WAKER");
  made.frame().have &= ~static_cast<uint32_t>(TS_HAVE_MIGRATIONS);
  CHECK(view::lost_columns(made.frame()) == "MIG/S P99us PREEMPTOR WAKER");
  made.thread(2, "b");
  made.threads()[0].ended = true;
  CHECK(view::lost_columns(made.frame()) == "MIG/S P99us PREEMPTOR WAKER");
  made.threads()[1].ended = true;
  CHECK(view::lost_columns(made.frame()).empty());
  MadeFrame above(Mode::aggregate);
  CHECK(view::lost_columns(above.frame()).empty());
}
