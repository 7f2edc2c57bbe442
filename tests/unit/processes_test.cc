// SPDX-License-Identifier: MIT
// Are processes told apart that had the same number after each other?
#include "model/processes.h"

#include <cstring>
#include <map>

#include "model/report.h"
#include "tests/catch.h"

namespace timeslice::model {

namespace {

// One core; times in ms from the beginning.
class Scene {
 public:
  Scene() : history({.begin_ns = kBegin}) {}

  static uint64_t at(uint64_t ms) { return kBegin + ms * 1'000'000; }

  void there(uint32_t tid, uint32_t tgid, const char* comm) {
    ts_thread_row row{};
    row.record.have = TS_HAVE_SWITCHES;
    row.tid = tid;
    row.tgid = tgid;
    row.start_ns = tid;
    row.state = 'S';
    std::strncpy(row.comm, comm, sizeof(row.comm) - 1);
    history.opening(row);
  }
  void fork(uint64_t ms, uint32_t tid, uint32_t tgid, const char* comm) {
    ts_event_identity record{};
    record.event = {at(ms), tid, 0, TS_EVENT_FORK, 120};
    record.tgid = tgid;
    record.start_ns = at(ms);
    std::strncpy(record.comm, comm, sizeof(record.comm) - 1);
    history.event(record.event);
  }
  void run(uint64_t from_ms, uint64_t to_ms, uint32_t tid, uint16_t leaving) {
    change(from_ms, 0, TS_LEAVING_RUNNABLE, tid);
    change(to_ms, tid, leaving, 0);
  }
  // Name and on-CPU time in ms of each process.
  std::multimap<std::string, uint64_t> processes(uint64_t end_ms) {
    history.finish(at(end_ms));
    std::multimap<std::string, uint64_t> rows;
    for (const ReportRow& row : make_report(history, {}, By::process, false).rows)
      rows.emplace(row.name + " " + std::to_string(row.threads), row.oncpu_ns / 1'000'000);
    return rows;
  }
  History history;

 private:
  static constexpr uint64_t kBegin = 1'000'000'000;
  void change(uint64_t ms, uint32_t prev, uint16_t state, uint32_t next) {
    ts_event_switch record{};
    record.event = {at(ms), next, 0, TS_EVENT_SWITCH, 120};
    record.prev_tid = prev;
    record.prev_state = state;
    history.event(record.event);
  }
};

using Rows = std::multimap<std::string, uint64_t>;

}  // namespace

TEST_CASE("who takes over the number of a process that lives, by exec, begins no other") {
  std::vector<HistoryThread> threads(3);
  const auto set = [&](size_t at, uint32_t tid, uint64_t first_ns, uint64_t last_ns) {
    threads[at].tid = tid;
    threads[at].tgid = 10;
    threads[at].born = true;
    threads[at].first_ns = first_ns;
    threads[at].last_ns = last_ns;
  };
  set(0, 10, 0, 50);
  set(1, 11, 0, 100);
  SECTION("another thread lives still") {
    set(2, 10, 60, 200);
    CHECK(Processes(threads).of(2) == 0);
  }
  SECTION("all others are over") {
    set(2, 10, 100, 200);
    CHECK(Processes(threads).of(2) == 2);
  }
}

TEST_CASE("processes that reuse an id have separate rows") {
  Scene scene;
  scene.there(31999, 31999, "life-0");
  scene.run(0, 10, 31999, TS_LEAVING_DEAD);
  for (uint64_t life = 1; life < 4; ++life) {
    const std::string name = "life-" + std::to_string(life);
    scene.fork(20 * life, 31999, 31999, name.c_str());
    scene.fork(20 * life + 1, 32000, 31999, name.c_str());
    scene.run(20 * life + 2, 20 * life + 4 + life, 31999, TS_LEAVING_DEAD);
    scene.run(20 * life + 10, 20 * life + 13, 32000, TS_LEAVING_DEAD);
  }
  CHECK(scene.processes(100) ==
        Rows{{"life-0 1", 10}, {"life-1 2", 6}, {"life-2 2", 7}, {"life-3 2", 8}});
}

TEST_CASE("a process whose end is missing ends when its id is reused") {
  Scene scene;
  scene.there(500, 500, "first");
  scene.run(0, 10, 500, TS_LEAVING_SLEEP);
  scene.fork(20, 500, 500, "second");
  scene.run(21, 22, 500, TS_LEAVING_SLEEP);
  CHECK(scene.processes(100) == Rows{{"first 1", 10}, {"second 1", 1}});
}

TEST_CASE("threads that outlive their process's first thread stay its threads") {
  Scene scene;
  scene.there(501, 500, "worker");
  scene.there(500, 500, "program");
  scene.run(0, 1, 500, TS_LEAVING_ZOMBIE);
  scene.run(10, 15, 501, TS_LEAVING_SLEEP);
  scene.fork(20, 502, 500, "worker");
  scene.run(21, 25, 502, TS_LEAVING_DEAD);
  scene.run(30, 32, 501, TS_LEAVING_DEAD);
  scene.fork(40, 500, 500, "another");
  scene.run(41, 42, 500, TS_LEAVING_DEAD);
  CHECK(scene.processes(100) == Rows{{"program 3", 12}, {"another 1", 1}});
}

}  // namespace timeslice::model
