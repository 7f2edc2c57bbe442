// SPDX-License-Identifier: MIT
// Does a report say what the records do?
#include <cstring>

#include "model/report.h"
#include "tests/catch.h"
#include "tests/unit/events.h"

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

TEST_CASE("who lived too briefly for a look was a first thread, or wasn't: that is known") {
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

}  // namespace timeslice
