// SPDX-License-Identifier: MIT
// Does a report say no more than the records do: of who a thread was, and of whom it waited for?
#include <cstring>

#include "model/report.h"
#include "tests/catch.h"
#include "tests/unit/events.h"
#include "view/report/report.h"

namespace timeslice {

namespace {

constexpr uint64_t kBegin = 1'000'000'000;

model::HistoryInfo info_from(uint64_t begin_ns) {
  model::HistoryInfo info;
  info.begin_ns = begin_ns;
  return info;
}

void there(model::History& history, uint32_t tid, const char* comm, char state, bool on_cpu) {
  ts_thread_row row{};
  row.record.have = TS_HAVE_SWITCHES;
  row.tid = row.tgid = tid;
  row.start_ns = tid;
  row.state = state;
  row.prio = 20;
  row.flags = on_cpu ? TS_THREAD_ON_CPU : 0;
  std::strncpy(row.comm, comm, TS_COMM_SIZE - 1);
  history.opening(row);
}

uint64_t at_us(uint64_t us) { return kBegin + us * 1000; }

}  // namespace

TEST_CASE("a thread too short-lived to be examined is still known to be a first thread or not") {
  model::History history(info_from(kBegin), 0, 0);
  there(history, 1, "make", 'S', false);
  history.event(made_up::forked(at_us(10), 0, 1, 50, 50, 7, "cc1").event);
  history.event(made_up::switched(at_us(20), 0, 0, 0, 50).event);
  history.event(made_up::forked(at_us(30), 0, 50, 50, 51, 8, "cc1").event);
  history.event(made_up::switched(at_us(40), 0, 50, made_up::asleep, 51).event);
  history.event(made_up::switched(at_us(50), 0, 51, made_up::dead, 50).event);
  history.event(made_up::switched(at_us(60), 0, 50, made_up::dead, 77).event);  // who knows who
  history.event(made_up::switched(at_us(70), 0, 77, made_up::asleep, 0).event);
  history.finish(at_us(100));
  const auto roles = model::make_report(history, {}, model::By::role, false);
  REQUIRE(roles.rows.size() == 2);
  for (const model::ReportRow& row : roles.rows) {
    CHECK((row.name == "main" || row.name == "thread"));
    CHECK(row.threads == 2);  // make and cc1; its thread, and the stranger
  }
}

// A kernel thread takes the core for 10 us, and another spinner has it for the 10 ms after that.
TEST_CASE("a preemptor isn't ranked by the wait during which others ran") {
  model::History history(info_from(kBegin), 0, 0);
  there(history, 1, "victim", 'R', true);
  there(history, 2, "bully", 'R', false);
  there(history, 3, "rcu", 'S', false);
  uint64_t us = 100;
  for (int i = 0; i < 3; ++i, us += 200) {
    history.event(made_up::switched(at_us(us), 0, 1, made_up::preempted, 2).event);
    history.event(made_up::switched(at_us(us + 100), 0, 2, made_up::preempted, 1).event);
  }
  history.event(made_up::switched(at_us(us), 0, 1, made_up::preempted, 3).event);
  history.event(made_up::switched(at_us(us + 10), 0, 3, made_up::asleep, 2).event);
  history.event(made_up::switched(at_us(us + 10'010), 0, 2, made_up::preempted, 1).event);
  history.finish(at_us(us + 10'100));
  std::string text;
  view::append_report_text(text, model::make_report(history, {}, model::By::thread, false), 10);
  const size_t table = text.find("others may have run before the thread got a CPU again\n");
  REQUIRE(table != std::string::npos);
  const size_t bully = text.find("bully/2 preempted victim/1", table);
  const size_t rcu = text.find("rcu/3 preempted victim/1", table);
  REQUIRE(bully != std::string::npos);
  REQUIRE(rcu != std::string::npos);
  CHECK(bully < rcu);
}

TEST_CASE(
    "a percentile is no longer than the longest wait, which any of the threads may have had") {
  model::History history(info_from(kBegin), 0, 0);
  there(history, 1, "main", 'S', false);
  history.event(made_up::forked(at_us(1), 0, 1, 1, 2, 7, "main").event);
  history.event(made_up::woken(at_us(10), 0, 1, 0).event);
  history.event(made_up::switched(at_us(15), 0, 0, 0, 1, 5'100).event);
  history.event(made_up::switched(at_us(20), 0, 1, made_up::asleep, 2, 300).event);
  history.event(made_up::switched(at_us(30), 0, 2, made_up::asleep, 0).event);
  history.finish(at_us(100));
  const auto report = model::make_report(history, {}, model::By::process, false);
  REQUIRE(report.rows.size() == 1);
  CHECK(report.rows[0].wait_max_ns == 5'100);
  CHECK(report.wait_quantile_us(report.rows[0], 0.99) == 5.1);
}

TEST_CASE("threads with unseen time are counted") {
  model::History history(info_from(kBegin), 0, 0);
  there(history, 1, "a", 'R', true);
  there(history, 2, "b", 'S', false);
  history.event(made_up::lost(at_us(10), 0, 5).event);
  history.event(made_up::switched(at_us(20), 0, 1, made_up::asleep, 0).event);
  history.finish(at_us(100));
  const auto report = model::make_report(history, {}, model::By::thread, false);
  uint64_t unseen = 0;
  for (const model::ReportRow& row : report.rows) unseen += row.unseen_ns > 0;
  CHECK(unseen == 2);
  CHECK(report.trust.unseen_threads == unseen);
}

}  // namespace timeslice
