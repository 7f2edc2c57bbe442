// SPDX-License-Identifier: MIT
// Does a replay show at each moment what a look would have shown? Made-up events of a machine whose
// every nanosecond is known.
#include <set>

#include "tests/catch.h"
#include "tests/unit/events.h"
#include "tests/unit/replay_support.h"
#include "tests/unit/rows.h"

using namespace timeslice;
using namespace timeslice::model;
using made_up::asleep;
using made_up::dead;
using made_up::forked;
using made_up::lost;
using made_up::migrated;
using made_up::preempted;
using made_up::switched;
using made_up::woken;

namespace {

// Threads 10 and 11 of process 10, which sleep when the recording begins.
struct Recorded : made_up::Replayed {
  explicit Recorded(const HistoryInfo& info = made_up::whole_machine()) : Replayed(info) {
    for (const uint32_t tid : {10, 11}) {
      ts_thread_row row = made_up::thread(10, tid, tid == 10 ? "ping" : "pong");
      row.nvcsw = 100;
      row.nivcsw = 7;
      row.cpu_ns = 5'000;
      row.run_delay_ns = 900;
      row.slices = 107;
      row.migrations = 3;
      replay.opening(row);
    }
  }
  const ts_thread_row* row(uint32_t tid, const Snapshot& pass) const {
    for (const ts_thread_row* row : pass.threads)
      if (row->tid == tid) return row;
    return nullptr;
  }
  const ts_sched_row* sched(uint32_t tid, const Snapshot& pass) const {
    for (size_t i = 0; i < pass.threads.size(); ++i)
      if (pass.threads[i]->tid == tid) return pass.scheds[i];
    return nullptr;
  }
};

std::vector<uint32_t> news(Recorded& recorded, uint64_t moment_ns) {
  const auto news = recorded.at(moment_ns).news;
  return {news.begin(), news.end()};
}

}  // namespace

TEST_CASE("a replay counts on from the kernel's totals, to the unit") {
  Recorded recorded;
  recorded.add(woken(1'000, 0, 10, 11));
  recorded.add(switched(1'250, 0, 0, TS_LEAVING_RUNNABLE, 10, 250));
  recorded.add(woken(2'000, 0, 11, 10));
  recorded.add(switched(3'000, 0, 10, preempted, 11, 1'000));
  recorded.add(switched(3'400, 0, 11, asleep, 10, 400));

  const Snapshot& pass = recorded.at(4'000);
  const ts_thread_row& ping = *recorded.row(10, pass);
  CHECK(ping.nvcsw == 100);
  CHECK(ping.nivcsw == 8);
  CHECK(ping.cpu_ns == 5'000 + 1'750 + 600);  // the slice that goes on included
  CHECK(ping.run_delay_ns == 900 + 250 + 400);
  CHECK(ping.slices == 109);
  CHECK(ping.state == 'R');
  CHECK(ping.flags & TS_THREAD_ON_CPU);
  CHECK(ping.cpu == 0);
  const ts_thread_row& pong = *recorded.row(11, pass);
  CHECK(pong.nvcsw == 101);
  CHECK(pong.nivcsw == 7);
  CHECK(pong.cpu_ns == 5'000 + 400);
  CHECK(pong.run_delay_ns == 900 + 1'000);
  CHECK(pong.state == 'S');

  const ts_sched_row& sched = *recorded.sched(10, pass);
  CHECK(sched.involuntary == 1);
  CHECK(sched.waits == 2);
  CHECK(sched.wait_sum_ns == 650);
  CHECK(sched.wait_max_ns == 400);
  CHECK(sched.wait_hist[ts_wait_bucket(250)] == 2);
  CHECK(sched.wakeups[TS_CONTEXT_TASK] == 1);
  CHECK(sched.preemptors[0].tid == 11);
  CHECK(std::string(sched.preemptors[0].comm) == "pong");
  CHECK(sched.last_preemptor == 0);
  CHECK(sched.wakers[0].count == 1);
}

TEST_CASE("a thread of real-time priority has the nice value that it was read with") {
  Recorded recorded;
  ts_thread_row row = made_up::thread(20, 20, "normal");
  row.nice = 5;
  row.prio = 25;
  recorded.replay.opening(row);
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 20));
  CHECK(recorded.row(20, recorded.at(1'100))->nice == 0);  // by its priority then, 120
  ts_event_switch boosted = switched(1'200, 0, 20, asleep, 10);
  boosted.event.prio = 49;  // chrt -f 50
  recorded.add(boosted);
  const ts_thread_row& real_time = *recorded.row(10, recorded.at(1'300));
  CHECK(real_time.prio == -51);
  CHECK(real_time.nice == 0);
}

TEST_CASE("a switch that is counted as neither kind is one that was missed") {
  Recorded recorded;
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 10));
  recorded.add(switched(1'100, 0, 10, TS_LEAVING_SLEEP, 0));
  CHECK(recorded.sched(10, recorded.at(1'200))->missed == 1);
}

TEST_CASE("a wait that goes on is pending, and one that a migration cuts is counted once") {
  Recorded recorded;
  recorded.add(woken(1'000, 0, 10, 11, TS_CONTEXT_HARDIRQ));
  const ts_thread_row before = *recorded.row(10, recorded.at(1'300));
  CHECK(before.state == 'R');
  CHECK_FALSE(before.flags & TS_THREAD_ON_CPU);
  CHECK(before.pending_wait_ns == 300);
  CHECK(before.run_delay_ns == 900);

  recorded.add(migrated(1'400, 10, 0, 1, 900 + 400));  // the kernel has added the first part
  const ts_thread_row moved = *recorded.row(10, recorded.at(1'500));
  CHECK(moved.cpu == 1);
  CHECK(moved.migrations == 4);
  CHECK(moved.run_delay_ns == 1'300);
  CHECK(moved.pending_wait_ns == 100);

  recorded.add(switched(1'700, 1, 0, TS_LEAVING_RUNNABLE, 10, 300));
  const Snapshot& pass = recorded.at(1'700);
  CHECK(recorded.row(10, pass)->run_delay_ns == 1'600);
  CHECK(recorded.row(10, pass)->pending_wait_ns == 0);
  CHECK(recorded.sched(10, pass)->wait_max_ns == 700);
  CHECK(recorded.sched(10, pass)->wakeups[TS_CONTEXT_HARDIRQ] == 1);
  CHECK(recorded.sched(10, pass)->wakers[0].tid == 0);  // it was merely hit by the interrupt
}

TEST_CASE("what a thread sleeps in is known until it runs") {
  Recorded recorded;
  Tracker tracker;
  const Frame& frame = tracker.advance(recorded.at(0));
  CHECK(made_up::find(frame, 10)->sleeps_in == "nanosleep");
  recorded.add(woken(100, 0, 10, 11));
  recorded.add(switched(200, 0, 0, TS_LEAVING_RUNNABLE, 10, 100));
  recorded.add(switched(300, 0, 10, asleep, 0));
  tracker.advance(recorded.at(400));
  CHECK(made_up::find(frame, 10)->row.state == 'S');
  CHECK(made_up::find(frame, 10)->sleeps_in.empty());
  CHECK(made_up::find(frame, 11)->sleeps_in == "nanosleep");
}

TEST_CASE("whoever ends is there once more, with all it did, however short it lived") {
  Recorded recorded;
  Tracker tracker;
  tracker.advance(recorded.at(0));
  recorded.add(forked(100, 0, 10, 10, 12, 77));
  recorded.add(woken(100, 0, 12, 10));
  recorded.add(switched(150, 0, 0, TS_LEAVING_RUNNABLE, 12, 50));
  recorded.add(switched(950, 0, 12, dead, 0));
  const Frame& frame = tracker.advance(recorded.at(1'000));
  const Thread* child = made_up::find(frame, 12);
  REQUIRE(child != nullptr);
  CHECK(child->began);
  CHECK(child->row.state == 'X');
  CHECK(child->row.cpu_ns == 800);
  CHECK(child->row.nvcsw == 1);
  CHECK(child->row.run_delay_ns == 50);
  CHECK(*frame.began_per_s == Approx(1e6));
  CHECK(*frame.ended_per_s == Approx(1e6));
  tracker.advance(recorded.at(2'000));
  CHECK(made_up::find(frame, 12) == nullptr);
  CHECK(made_up::find(frame, 12, true) != nullptr);
  tracker.advance(recorded.at(3'000));
  CHECK(made_up::find(frame, 12, true) == nullptr);
}

TEST_CASE("a thread and who was given its number are two, in one pass and after it") {
  Recorded recorded;
  Tracker tracker;
  tracker.advance(recorded.at(0));
  for (const uint64_t start_ns : {77, 78, 79}) {
    const uint64_t time_ns = (start_ns - 76) * 100;
    recorded.add(forked(time_ns, 0, 10, 10, 12, start_ns));
    recorded.add(switched(time_ns + 50, 0, 0, TS_LEAVING_RUNNABLE, 12, 50));
    recorded.add(switched(time_ns + 90, 0, 12, start_ns < 79 ? dead : asleep, 0));
  }
  CHECK(tracker.advance(recorded.at(500)).thread_count == 5);
  CHECK(tracker.advance(recorded.at(600)).thread_count == 3);
  CHECK(tracker.advance(recorded.at(700)).threads.size() == 3);
}

TEST_CASE("two that had one number are two, though nobody has introduced either") {
  Recorded recorded;
  Tracker tracker;
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 77));
  recorded.add(switched(2'000, 0, 77, preempted, 10));
  const Thread* first = made_up::find(tracker.advance(recorded.at(2'500)), 77);
  REQUIRE(first != nullptr);
  CHECK(first->sched->top_preemptor->tid == 10);

  recorded.add(switched(3'000, 0, 10, asleep, 77));
  recorded.add(switched(4'000, 0, 77, dead, 0));
  recorded.add(switched(5'000, 0, 0, TS_LEAVING_RUNNABLE, 77));
  recorded.add(switched(6'000, 0, 77, preempted, 11));
  const Snapshot& pass = recorded.at(6'500);
  std::set<uint64_t> starts;
  for (const ts_thread_row* row : pass.threads)
    if (row->tid == 77) starts.insert(row->start_ns);
  CHECK(starts.size() == 2);
  size_t alive = 0;
  for (const Thread* thread : tracker.advance(pass).threads) {
    if (thread->row.tid != 77 || thread->row.state != 'R') continue;
    ++alive;
    CHECK(thread->sched->top_preemptor->tid == 11);
  }
  CHECK(alive == 1);
}

TEST_CASE("a core's time is busy or idle, and its queue holds who runs and who waits") {
  Recorded recorded;
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 10, 0));
  recorded.add(woken(2'000, 0, 11, 10));
  const Snapshot& busy = recorded.at(3'000);
  REQUIRE(busy.cores.size() == 1);
  CHECK(busy.cores[0].busy_ns == 2'000);
  CHECK(busy.cores[0].queue_len == 2);
  recorded.add(switched(4'000, 0, 10, asleep, 11, 2'000));
  recorded.add(switched(5'000, 0, 11, asleep, 0));
  const Snapshot& idle = recorded.at(9'000);
  CHECK(idle.cores[0].busy_ns == 4'000);
  CHECK(idle.cores[0].idle_ns == 4'000);
  CHECK(idle.cores[0].queue_len == 0);
  CHECK(idle.cores[0].switches == 3);
}

TEST_CASE("cores that a recording names have a row from its first moment on") {
  HistoryInfo info = made_up::whole_machine();
  info.cores = {0, 2};
  info.idle_cores = {2};
  Recorded recorded(info);
  const Snapshot before = recorded.at(0);
  REQUIRE(before.cores.size() == 2);
  CHECK(before.cores[0].cpu == 0);
  CHECK(before.cores[1].cpu == 2);
  for (const ts_core_row& core : before.cores) CHECK(core.busy_ns + core.idle_ns == 0);
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 10));
  const Snapshot& after = recorded.at(3'000);
  REQUIRE(after.cores.size() == 2);
  CHECK(after.cores[0].busy_ns == 2'000);
  CHECK(after.cores[1].idle_ns == 3'000);
}

TEST_CASE("of a recording of some processes, cores aren't known and strangers aren't shown") {
  HistoryInfo info = made_up::whole_machine();
  info.filtered = true;
  Recorded recorded(info);
  ts_thread_row outside = made_up::thread(50, 50, "stranger");
  outside.flags |= TS_THREAD_OUTSIDE;
  recorded.replay.opening(outside);
  recorded.add(switched(1'000, 0, 50, preempted, 10, 500));
  recorded.add(switched(2'000, 0, 10, preempted, 50, 100));
  recorded.add(switched(3'000, 0, 51, asleep, 11, 100));  // began later, and nobody said so
  const Snapshot& pass = recorded.at(4'000);
  CHECK(pass.cores.empty());
  CHECK(pass.threads.size() == 2);
  CHECK(std::string(recorded.sched(10, pass)->preemptors[0].comm) == "stranger");
}

TEST_CASE("the recorder's own threads aren't shown") {
  HistoryInfo info = made_up::whole_machine();
  info.recorder_tgid = 10;
  CHECK(Recorded(info).at(0).threads.empty());
}

TEST_CASE("what was lost is said, and whoever ran then is unknown until it's seen again") {
  Recorded recorded;
  recorded.add(switched(1'000, 0, 0, TS_LEAVING_RUNNABLE, 10, 0));
  recorded.add(lost(5'000, 0, 12));
  const Snapshot& pass = recorded.at(6'000);
  CHECK(pass.header.lost_records == 12);
  CHECK(recorded.row(10, pass)->state == 0);
  CHECK_FALSE(recorded.row(10, pass)->flags & TS_THREAD_ON_CPU);
}

TEST_CASE("sleepers are no news, but to a tracker that comes anew") {
  Recorded recorded;
  CHECK(recorded.at(0).news.size() == 2);
  CHECK(recorded.at(10).news.empty());
  recorded.add(woken(20, 0, 11, 10));
  CHECK(news(recorded, 30) == std::vector<uint32_t>{1});
  CHECK(news(recorded, 40) == std::vector<uint32_t>{1});  // its wait goes on
  recorded.replay.begin_anew();
  CHECK(recorded.at(50).news.size() == 2);
}
