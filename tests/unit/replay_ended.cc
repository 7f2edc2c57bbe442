// SPDX-License-Identifier: MIT
// Does a process in a replay keep what its ended threads did, and a first thread that ended before
// the others, as it does in the kernel? Made-up events of a machine whose every switch is known.
#include "tests/catch.h"
#include "tests/unit/events.h"
#include "tests/unit/replay_support.h"
#include "tests/unit/rows.h"

using namespace timeslice;
using namespace timeslice::model;
using made_up::asleep;
using made_up::dead;
using made_up::find;
using made_up::forked;
using made_up::switched;

namespace {

// Process 10 with the threads 10, 11 and 12, of which others have ended before the recording.
struct Recorded : made_up::Replayed {
  Recorded() {
    for (const uint32_t tid : {10, 11, 12}) {
      ts_thread_row row = made_up::thread(10, tid, tid == 10 ? "first" : "other");
      row.cpu_ns = tid * 1'000'000;
      row.nvcsw = (20 - tid) * 10;
      row.nivcsw = tid;
      if (tid == 10) {
        row.record.have |= TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES;
        row.ended_cpu_ns = 50'000'000;
        row.ended_nvcsw = 700;
        row.ended_nivcsw = 90;
      }
      replay.opening(row);
    }
  }
  // A thread runs, and ends.
  void ends(uint32_t tid, uint64_t from_ns, uint64_t to_ns) {
    add(switched(from_ns, 0, 0, TS_LEAVING_RUNNABLE, tid, 0));
    add(switched(to_ns, 0, tid, dead, 0));
  }
  const Frame& at(uint64_t moment_ns) { return tracker.advance(Replayed::at(moment_ns)); }

  Tracker tracker;
};

}  // namespace

TEST_CASE("in a replay, a process keeps what its ended threads did, each once") {
  Recorded recorded;
  const Process& process = *recorded.at(0).processes.at(0);
  CHECK(*process.nvcsw == 700 + 100 + 90 + 80);
  CHECK(*process.nivcsw == 90 + 10 + 11 + 12);
  recorded.ends(12, 100'000, 300'000);
  recorded.add(forked(400'000, 0, 10, 10, 13, 77));
  recorded.ends(13, 500'000, 600'000);  // never seen alive

  const Frame& frame = recorded.at(1'000'000);
  CHECK(process.thread_count == 4);  // the ended ones once more
  CHECK(find(frame, 12)->row.state == 'X');
  CHECK(*process.nvcsw == 700 + 100 + 90 + 81 + 1);
  CHECK(*process.cpu_pct == Approx(30));
  CHECK(*process.ended_cpu_pct == 0);
  for (const uint64_t ms : {2, 3, 4}) {
    recorded.at(ms * 1'000'000);
    CHECK(process.thread_count == 2);
    CHECK(*process.nvcsw == 700 + 100 + 90 + 81 + 1);
    CHECK(*process.nivcsw == 90 + 10 + 11 + 12);
    CHECK(*process.cpu_pct == 0);
    CHECK(*process.nvcsw_per_s == 0);
    CHECK(*process.ended_cpu_pct == 0);
  }
  CHECK(find(frame, 10)->row.ended_cpu_ns == 50'000'000 + 12'200'000 + 100'000);
}

TEST_CASE("in a replay, a first thread that ended is there until the last one ends") {
  Recorded recorded;
  recorded.at(0);
  recorded.ends(10, 100'000, 300'000);
  const Frame& frame = recorded.at(1'000'000);
  for (const uint64_t ms : {2, 3}) {
    REQUIRE(find(frame, 10) != nullptr);
    CHECK(find(frame, 10)->row.state == 'Z');
    CHECK(find(frame, 10)->row.nvcsw == 101);
    const Process& process = *frame.processes.at(0);
    CHECK(process.thread_count == 3);
    CHECK(process.comm == "first");
    CHECK(*process.nvcsw == 700 + 101 + 90 + 80);
    recorded.at(ms * 1'000'000);
  }
  CHECK(*find(frame, 10)->cpu_pct == 0);
  recorded.ends(11, 3'100'000, 3'200'000);
  recorded.at(4'000'000);
  CHECK(find(frame, 10)->row.state == 'Z');
  CHECK(find(frame, 10)->row.ended_nvcsw == 700);  // thread 11 still has its row
  recorded.at(5'000'000);
  CHECK(find(frame, 10)->row.ended_nvcsw == 700 + 91);
  recorded.ends(12, 5'100'000, 5'200'000);
  recorded.at(6'000'000);
  CHECK(find(frame, 10)->row.state == 'X');
  CHECK(find(frame, 12)->row.state == 'X');
  recorded.at(7'000'000);
  CHECK(frame.processes.at(0)->ended);
  recorded.at(8'000'000);
  CHECK(frame.processes.empty());
}

TEST_CASE("in a replay, a process that reuses an id inherits none of the other's threads") {
  Recorded recorded;
  recorded.at(0);
  uint64_t time_ns = 100'000;
  for (const uint32_t tid : {11, 10, 12}) {
    recorded.ends(tid, time_ns, time_ns + 1'000);
    time_ns += 10'000;
  }
  recorded.add(forked(200'000, 0, 1, 10, 10, 77'000));
  recorded.add(switched(300'000, 0, 0, TS_LEAVING_RUNNABLE, 10, 0));
  recorded.add(switched(400'000, 0, 10, asleep, 0));
  const Frame& frame = recorded.at(1'000'000);
  recorded.at(2'000'000);
  CHECK(frame.processes.at(0)->thread_count == 1);
  CHECK(frame.processes.at(0)->nvcsw.value() == 1);
  CHECK(find(frame, 10)->row.ended_nvcsw == 0);
  recorded.at(3'000'000);
  CHECK(frame.processes.at(0)->nvcsw.value() == 1);
}

// Its first thread ends by it, and that one's row goes on with the totals of the one that execs.
TEST_CASE("in a replay, exec by another thread is not growth") {
  Recorded recorded;
  const bool early = GENERATE(false, true);  // the first thread has ended long before
  const Frame& frame = recorded.at(0);
  recorded.ends(10, 100'000, 200'000);
  if (early) {
    recorded.at(1'000'000);
    CHECK(find(frame, 10)->row.state == 'Z');
  }
  recorded.ends(12, 1'100'000, 1'200'000);
  recorded.add(switched(1'300'000, 0, 0, TS_LEAVING_RUNNABLE, 11, 0));
  ts_event_identity exec{};
  exec.event = {1'400'000, 10, 0, TS_EVENT_EXEC, 120};
  exec.tgid = 10;
  exec.parent_tid = 11;  // the number that it had
  exec.start_ns = 10'000;
  strncpy(exec.comm, "new", TS_COMM_SIZE - 1);
  recorded.add(exec);
  recorded.at(2'000'000);
  size_t rows = 0;
  for (const Thread* thread : frame.threads) rows += thread->row.tid == 10 && !thread->ended;
  CHECK(rows == 1);
  CHECK(find(frame, 10)->row.nvcsw == 90);
  CHECK(find(frame, 10)->row.ended_nvcsw == 700 + 101);
  const Process& process = *frame.processes.at(0);
  CHECK(*process.nvcsw == 700 + 101 + 90 + 81);
  CHECK(process.cpu_pct.value_or(0) < 101);
  recorded.at(3'000'000);
  CHECK(process.thread_count == 1);
  CHECK(*process.nvcsw == 700 + 101 + 90 + 81);
  CHECK(*process.cpu_pct == Approx(100));
}
