// SPDX-License-Identifier: MIT
// Does the history of a few records say what a person would say who draws them on paper?
#include "model/history.h"

#include <cstring>
#include <string_view>

#include "model/report.h"
#include "tests/catch.h"

namespace timeslice::model {

namespace {

// A little machine: threads by name, times in µs from the beginning.
class Scene {
 public:
  explicit Scene(HistoryInfo info = make_info(), uint64_t from_us = 0, uint64_t to_us = 0)
      : history(info, from_us ? at(from_us) : 0, to_us ? at(to_us) : 0) {}

  static HistoryInfo make_info() {
    HistoryInfo info;
    info.begin_ns = kBegin;
    return info;
  }
  static uint64_t at(uint64_t us) { return kBegin + us * 1000; }

  void there(uint32_t tid, const char* comm, char state, int on_cpu = -1) {
    ts_thread_row row{};
    row.record.have = TS_HAVE_SWITCHES;
    row.tid = row.tgid = tid;
    row.start_ns = tid;
    row.state = state;
    row.cpu = std::max(on_cpu, 0);
    row.prio = 20;
    if (on_cpu >= 0) row.flags = TS_THREAD_ON_CPU;
    std::string_view(comm).copy(row.comm, sizeof(row.comm) - 1);
    history.opening(row);
  }
  // The same of who has waited so long before.
  void there_waited(uint32_t tid, const char* comm, int on_cpu, uint64_t waits_us) {
    ts_thread_row row{};
    row.record.have = TS_HAVE_SWITCHES | TS_HAVE_WAIT;
    row.tid = row.tgid = tid;
    row.start_ns = tid;
    row.state = 'R';
    row.cpu = on_cpu;
    row.prio = 20;
    row.flags = TS_THREAD_ON_CPU;
    row.run_delay_ns = waits_us * 1000;
    std::string_view(comm).copy(row.comm, sizeof(row.comm) - 1);
    history.opening(row);
  }
  void change(uint64_t us, uint16_t cpu, uint32_t prev, uint16_t state, uint32_t next,
              uint64_t wait_us = 0) {
    ts_event_switch record{};
    record.event = {at(us), next, cpu, TS_EVENT_SWITCH, 120};
    record.prev_tid = prev;
    record.prev_state = state;
    record.wait_ns = wait_us * 1000;
    history.event(record.event);
  }
  void wake(uint64_t us, uint16_t cpu, uint32_t tid, uint32_t waker,
            uint8_t context = TS_CONTEXT_TASK, uint8_t kind = TS_EVENT_WAKING) {
    ts_event_wake record{};
    record.event = {at(us), tid, cpu, kind, 120};
    record.waker_tid = waker;
    record.context = context;
    history.event(record.event);
  }
  void fork(uint64_t us, uint16_t cpu, uint32_t tid, uint32_t parent, uint64_t start_ns) {
    ts_event_identity record{};
    record.event = {at(us), tid, cpu, TS_EVENT_FORK, 120};
    record.tgid = parent;
    record.parent_tid = parent;
    record.start_ns = start_ns;
    std::strcpy(record.comm, "child");
    history.event(record.event);
  }
  // `tid`, before as `other`, calls exec; of process `tid`, which began at `start_ns`.
  void exec(uint64_t us, uint16_t cpu, uint32_t tid, uint32_t other, uint64_t start_ns) {
    ts_event_identity record{};
    record.event = {at(us), tid, cpu, TS_EVENT_EXEC, 120};
    record.tgid = tid;
    record.parent_tid = other;
    record.start_ns = start_ns;
    std::strcpy(record.comm, "execed");
    history.event(record.event);
  }
  void migrate(uint64_t us, uint32_t tid, uint16_t from, uint16_t to, uint32_t run_delay_us) {
    ts_event_migrate record{};
    record.event = {at(us), tid, from, TS_EVENT_MIGRATE, 120};
    record.from_cpu = from;
    record.to_cpu = to;
    record.run_delay_low = run_delay_us * 1000;
    history.event(record.event);
  }
  // At the end of the recording, `slices` later than at its beginning.
  void left_at_end(uint32_t tid, char state, uint64_t slices, uint64_t waits_us = 0,
                   uint64_t cpu_us = 0) {
    ts_thread_row row{};
    row.record.have = TS_HAVE_SWITCHES | TS_HAVE_WAIT;
    row.tid = row.tgid = row.start_ns = tid;
    row.state = state;
    row.slices = slices;
    row.run_delay_ns = waits_us * 1000;
    row.cpu_ns = cpu_us * 1000;
    history.closing(row);
  }
  void lost(uint64_t us, uint16_t cpu) {
    ts_event_lost record{};
    record.event = {at(us), 0, cpu, TS_EVENT_LOST, 0};
    record.records = 7;
    history.event(record.event);
  }
  void finish(uint64_t us) { history.finish(at(us)); }

  [[nodiscard]] const HistoryThread& thread(uint32_t tid) const {
    for (const HistoryThread& thread : history.threads())
      if (thread.tid == tid) return thread;
    throw std::runtime_error("no such thread");
  }

  static constexpr uint64_t kBegin = 1'000'000'000;
  History history;
};

constexpr uint16_t kSleeps = TS_LEAVING_SLEEP | TS_LEAVING_VOLUNTARY;
constexpr uint16_t kMadeTo = TS_LEAVING_RUNNABLE | TS_LEAVING_INVOLUNTARY;

void check_sum(const HistoryThread& thread) {
  CHECK(thread.oncpu_ns + thread.ready_ns + thread.off_sum_ns() + thread.unseen_ns ==
        thread.last_ns - thread.first_ns);
}

struct Heard : Listener {
  std::vector<Slice> slices, waits;
  void slice(const Slice& slice) override { slices.push_back(slice); }
  void waiting(const Slice& slice) override { waits.push_back(slice); }
};

}  // namespace

TEST_CASE("a thread that is woken waits from then until it has a core") {
  Scene scene;
  Heard heard;
  scene.history.listen(heard);
  scene.there(1, "waker", 'R', 0);
  scene.there(2, "sleeper", 'S');
  scene.wake(100, 0, 2, 1);
  scene.change(130, 0, 1, kSleeps, 2, 30);
  scene.change(200, 0, 2, kSleeps, 0);
  scene.finish(1000);
  const HistoryThread& sleeper = scene.thread(2);
  CHECK(sleeper.oncpu_ns == 70'000);
  CHECK(sleeper.ready_ns == 30'000);
  CHECK(sleeper.off_ns[static_cast<size_t>(Off::sleep)] == 900'000);
  CHECK(sleeper.voluntary == 1);
  CHECK(sleeper.wait_max_ns == 30'000);
  REQUIRE(sleeper.wakers.size() == 1);
  CHECK(scene.history.threads()[sleeper.wakers[0].peer].comm == "waker");
  CHECK(sleeper.wakers[0].wait_ns == 30'000);
  check_sum(sleeper);
  check_sum(scene.thread(1));
  REQUIRE(heard.slices.size() == 2);
  CHECK(heard.slices[0].begin_cut);
  CHECK(heard.slices[0].wait_ns == 0);  // it was before the window
  CHECK(heard.slices[1].because == Because::woken);
  CHECK(heard.slices[1].waking_ns == Scene::at(100));
  CHECK(scene.history.cores()[0].busy_ns == 200'000);
  CHECK(scene.history.cores()[0].idle_ns == 800'000);
}

TEST_CASE("who is preempted waits for whom it had to give way to") {
  Scene scene;
  scene.there(1, "victim", 'R', 0);
  scene.there(2, "other", 'R');
  scene.change(50, 0, 1, kMadeTo, 2, 50);
  scene.change(90, 0, 2, kMadeTo, 1, 39);
  scene.finish(100);
  const HistoryThread& victim = scene.thread(1);
  CHECK(victim.involuntary == 1);
  CHECK(victim.ready_ns == 40'000);  // all the time between, though the kernel says 39 µs
  CHECK(victim.wait_sum_ns == 39'000);
  REQUIRE(victim.preemptors.size() == 1);
  CHECK(scene.history.threads()[victim.preemptors[0].peer].comm == "other");
  check_sum(victim);
  check_sum(scene.thread(2));
}

TEST_CASE("a wake-up that meets a thread on its way off the core counts when it comes back") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'R', 1);
  scene.wake(10, 1, 1, 2);  // still running …
  scene.change(11, 0, 1, kSleeps, 0);
  scene.change(20, 0, 0, kMadeTo, 1, 9);
  scene.finish(30);
  const HistoryThread& thread = scene.thread(1);
  REQUIRE(thread.wakers.size() == 1);
  CHECK(scene.history.threads()[thread.wakers[0].peer].comm == "b");
  CHECK(thread.ready_ns == 9'000);
  check_sum(thread);
}

TEST_CASE("a wait that a migration cuts in two is one, of who was woken on its way off too") {
  Scene scene;
  scene.there_waited(1, "a", 0, 100);
  scene.there(2, "b", 'R', 1);
  scene.wake(10, 1, 1, 2);  // still running
  scene.change(11, 0, 1, kSleeps, 0);
  scene.migrate(15, 1, 0, 1, 104);  // the kernel has added 4 us of it
  scene.change(20, 1, 2, kMadeTo, 1, 5);
  scene.finish(30);
  CHECK(scene.thread(1).waits == 1);
  CHECK(scene.thread(1).wait_sum_ns == 9'000);
  check_sum(scene.thread(1));
}

TEST_CASE("an interrupt's wake-up blames no thread") {
  Scene scene;
  scene.there(1, "hit", 'R', 0);
  scene.there(2, "woken", 'S');
  scene.wake(10, 0, 2, 1, TS_CONTEXT_HARDIRQ);
  scene.change(20, 0, 1, kMadeTo, 2, 10);
  scene.finish(30);
  REQUIRE(scene.thread(2).wakers.size() == 1);
  CHECK(scene.thread(2).wakers[0].peer == kNobody);
  CHECK(scene.thread(2).wakers[0].context == TS_CONTEXT_HARDIRQ);
}

TEST_CASE("a reused id is another thread") {
  Scene scene;
  scene.there(1, "first", 'R', 0);
  scene.there(9, "parent", 'R', 1);
  scene.change(10, 0, 1, TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY, 0);
  scene.fork(20, 1, 1, 9, 777);
  scene.wake(21, 1, 1, 9, TS_CONTEXT_TASK, TS_EVENT_WAKE_NEW);
  scene.change(25, 0, 0, kMadeTo, 1, 4);
  scene.finish(30);
  std::vector<const HistoryThread*> lives;
  for (const HistoryThread& thread : scene.history.threads())
    if (thread.tid == 1) lives.push_back(&thread);
  REQUIRE(lives.size() == 2);
  CHECK(lives[0]->ended);
  CHECK(lives[0]->last_ns == Scene::at(10));
  CHECK(lives[1]->born);
  CHECK(lives[1]->first_ns == Scene::at(20));
  CHECK(lives[1]->oncpu_ns == 5'000);
  CHECK(lives[1]->ready_ns == 4'000);
  check_sum(*lives[0]);
  check_sum(*lives[1]);
}

TEST_CASE("where records are lost, nothing is made up") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'S');
  scene.change(10, 0, 1, kSleeps, 2, 0);
  scene.lost(50, 0);
  scene.change(60, 0, 1, kSleeps, 0);
  scene.finish(100);
  CHECK(scene.history.info().gaps == 1);
  CHECK(scene.thread(2).unseen_ns == 90'000);  // since its core's last record
  CHECK(scene.history.cores()[0].unseen_ns == 50'000);
  check_sum(scene.thread(1));
  check_sum(scene.thread(2));
  CHECK_FALSE(make_report(scene.history, {}, By::thread, false)
                  .wait_quantile_us(make_report(scene.history, {}, By::thread, false).all, 0.99));
}

TEST_CASE("a core that was idle when the recording began is idle until somebody gets it") {
  HistoryInfo info = Scene::make_info();
  info.cores = {0, 1, 2, 9999};
  info.idle_cores = {0, 1, 9999};
  Scene scene(info);
  scene.there(1, "a", 'S');
  scene.change(30, 0, 0, kMadeTo, 1);
  scene.finish(100);
  const auto cores = scene.history.cores();
  REQUIRE(cores.size() == 3);  // 9999: made up
  CHECK(cores[0].idle_ns == 30'000);
  CHECK(cores[0].busy_ns == 70'000);
  CHECK(cores[1].idle_ns == 100'000);  // nothing was told of it, for nothing happened
  CHECK(cores[2].unseen_ns == 100'000);
  CHECK(scene.history.info().breaks == 0);
}

TEST_CASE("with a filter, an idle core's time isn't known") {
  HistoryInfo info = Scene::make_info();
  info.cores = info.idle_cores = {0};
  info.filtered = true;
  Scene scene(info);
  scene.finish(100);
  CHECK(scene.history.cores()[0].idle_ns == 0);
}

TEST_CASE("whoever had a core when the recording began had it, idle or not") {
  HistoryInfo info = Scene::make_info();
  info.cores = info.idle_cores = {0};
  Scene scene(info);
  scene.there(1, "a", 'R', 0);
  scene.finish(100);
  CHECK(scene.thread(1).oncpu_ns == 100'000);
  CHECK(scene.history.cores()[0].busy_ns == 100'000);
}

TEST_CASE("a thread that execs goes on under its leader's number") {
  Scene scene;
  ts_thread_row row{};
  row.record.have = TS_HAVE_SWITCHES | TS_HAVE_WAIT;
  row.tid = row.tgid = 7;
  row.start_ns = 70;
  row.state = 'S';
  row.nvcsw = row.slices = 5000;
  scene.history.opening(row);  // the leader
  row.tid = 9;
  row.start_ns = 90;
  row.nvcsw = row.slices = 4;
  scene.history.opening(row);
  row.tid = 7;
  row.start_ns = 70;
  row.nvcsw = row.slices = 6;
  scene.history.closing(row);  // whose counters are those of the one that called exec
  scene.change(10, 0, 0, kMadeTo, 9);
  scene.change(12, 1, 0, kMadeTo, 7);
  SECTION("and the leader leaves its core before it is told") {
    scene.change(15, 1, 7, TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY, 0);
    scene.exec(20, 0, 7, 9, 70);
  }
  SECTION("and the leader leaves its core only then") {
    scene.exec(14, 0, 7, 9, 70);
    scene.change(15, 1, 7, TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY, 0);
  }
  SECTION("and somebody was woken under the number before") {
    scene.there(8, "sleeper", 'S');
    scene.change(15, 1, 7, TS_LEAVING_DEAD | TS_LEAVING_VOLUNTARY, 0);
    scene.wake(17, 0, 8, 7);
    scene.exec(20, 0, 7, 9, 70);
  }
  scene.change(30, 0, 7, kSleeps, 0);
  scene.change(50, 0, 0, kMadeTo, 7);
  scene.change(60, 0, 7, kSleeps, 0);
  scene.finish(100);
  const HistoryThread& leader = scene.history.threads()[0];
  const HistoryThread& execed = scene.history.threads()[1];
  CHECK(leader.ended);
  CHECK(leader.oncpu_ns == 3'000);
  CHECK(execed.tid == 7);
  CHECK(execed.comm == "execed");
  CHECK(execed.oncpu_ns == 30'000);
  CHECK(execed.unseen_ns == 0);
  REQUIRE(execed.kernel.known);
  CHECK(execed.kernel.nvcsw == 2);
  CHECK(execed.kernel.slices == 2);
  CHECK(scene.history.info().breaks == 0);
  size_t shown = 0;
  for (const ReportRow& one : make_report(scene.history, {}, By::thread, false).rows)
    shown += one.tgid == 7;
  CHECK(shown == 2);
  check_sum(leader);
  check_sum(execed);
}

TEST_CASE("who leaves a core that it wasn't seen to get isn't known to have slept until then") {
  Scene scene;
  scene.there(5, "a", 'R', 0);
  scene.there(6, "b", 'S');
  scene.change(5, 0, 5, kSleeps, 0);
  scene.lost(20, 0);
  scene.change(20, 0, 5, kSleeps, 6);
  scene.change(22, 0, 6, kSleeps, 0);
  scene.finish(22);
  CHECK(scene.thread(5).oncpu_ns == 5'000);
  CHECK(scene.thread(5).unseen_ns == 15'000);
  CHECK(scene.thread(5).off_sum_ns() == 2'000);
  CHECK(scene.thread(6).unseen_ns == 15'000);
  CHECK(scene.history.info().breaks == 0);  // what is missing is in the gap
  check_sum(scene.thread(5));
  check_sum(scene.thread(6));
}

TEST_CASE("who leaves another core than the one that it had breaks the records") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.change(30, 1, 1, kSleeps, 0);  // nobody was known to have core 1
  scene.finish(100);
  CHECK(scene.history.info().breaks == 1);
  check_sum(scene.thread(1));
}

TEST_CASE("in a gap of one core, only who runs on another is known") {
  Scene scene;
  scene.there(1, "gone dark", 'R', 0);
  scene.there(2, "busy", 'R', 1);
  scene.there(3, "sleeper", 'S');
  scene.there(4, "waiting", 'R');
  scene.there(5, "leaving meanwhile", 'R', 2);
  scene.change(10, 0, 1, kSleeps, 0);
  scene.change(30, 2, 5, kSleeps, 0);  // told before the gap is, which began earlier
  scene.lost(50, 0);
  scene.change(60, 0, 0, kMadeTo, 4, 60);  // by the kernel, it has waited all the time
  scene.wake(70, 1, 3, 2);
  scene.change(80, 1, 2, kSleeps, 3, 10);
  scene.finish(100);
  CHECK(scene.thread(1).unseen_ns == 90'000);
  CHECK(scene.thread(2).oncpu_ns == 80'000);
  CHECK(scene.thread(2).unseen_ns == 0);
  CHECK(scene.thread(3).unseen_ns == 60'000);
  CHECK(scene.thread(3).off_sum_ns() == 10'000);
  CHECK(scene.thread(3).ready_ns == 10'000);
  CHECK(scene.thread(4).ready_ns == 60'000);
  CHECK(scene.thread(4).unseen_ns == 0);
  CHECK(scene.thread(5).unseen_ns == 70'000);
  for (const uint32_t tid : {1, 2, 3, 4, 5}) check_sum(scene.thread(tid));
}

TEST_CASE("who leaves its core while another one is in a gap isn't known to sleep") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'R', 1);
  scene.change(10, 1, 2, kSleeps, 0);
  scene.lost(10, 1);                   // a reader tells a gap where it begins …
  scene.change(20, 0, 1, kMadeTo, 0);  // … and so before what happens in it
  scene.change(50, 1, 0, kMadeTo, 1, 25);
  scene.finish(60);
  CHECK(scene.thread(1).ready_ns == 25'000);
  CHECK(scene.thread(1).unseen_ns == 5'000);
  CHECK(scene.thread(1).preemptors.empty());
  check_sum(scene.thread(1));
}

TEST_CASE("what the kernel added to a thread's waits in a gap is no wait of its") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'R');
  scene.change(10, 0, 1, kMadeTo, 0);
  scene.lost(500, 0);
  scene.migrate(510, 1, 0, 1, 400);
  scene.change(520, 1, 0, kMadeTo, 1, 7);
  scene.change(530, 1, 1, kMadeTo, 0);
  scene.migrate(540, 1, 1, 0, 400 + 7 + 9);  // from now on the parts are known again
  scene.change(545, 0, 0, kMadeTo, 1, 5);
  scene.finish(600);
  CHECK(scene.thread(1).waits == 2);
  CHECK(scene.thread(1).wait_max_ns == 14'000);
  CHECK(scene.thread(1).wait_sum_ns == 21'000);
  check_sum(scene.thread(1));
}

TEST_CASE("who slept on through a gap, by the kernel's count of its slices, is known to") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "sleeper", 'S');
  scene.there(3, "ran in the gap", 'S');
  scene.left_at_end(2, 'S', 0);
  scene.left_at_end(3, 'S', 1);
  scene.change(10, 0, 1, kSleeps, 0);
  scene.lost(50, 0);
  scene.finish(100);
  CHECK(scene.thread(2).off_ns[static_cast<size_t>(Off::sleep)] == 100'000);
  CHECK(scene.thread(2).unseen_ns == 0);
  CHECK(scene.thread(3).unseen_ns == 90'000);
  CHECK(make_report(scene.history, {}, By::thread, false).trust.beyond.slices == 1);
}

TEST_CASE("with a filter, a missing arrival is counted, and was no waiting") {
  HistoryInfo info = Scene::make_info();
  info.filtered = true;
  Scene scene(info);
  scene.there(1, "ours", 'R', 0);
  scene.left_at_end(1, 'S', 2);
  scene.change(10, 0, 1, kMadeTo, 77);
  scene.change(90, 0, 1, kSleeps, 0);  // by the records, 77 never left it
  scene.finish(100);
  const HistoryThread& ours = scene.thread(1);
  CHECK(ours.oncpu_ns == 10'000);
  CHECK(ours.ready_ns == 0);
  CHECK(ours.unseen_ns == 80'000);
  CHECK(ours.waits == 0);
  CHECK(scene.history.info().breaks == 1);
  check_sum(ours);
  const Report report = make_report(scene.history, {}, By::thread, false);
  CHECK(report.trust.beyond.slices == 2);
  CHECK(report.trust.loses());
}

TEST_CASE("what the kernel counted beyond the records is told, beyond what is measured apart") {
  constexpr uint64_t kTickUs = 10'000, kApartPerSliceUs = 30, kSlices = 3, kTold = 1;
  const auto beyond = [](uint64_t slices, uint64_t waits_us, uint64_t cpu_us) {
    Scene scene;
    scene.there(1, "a", 'S');
    scene.left_at_end(1, 'S', slices, waits_us, cpu_us);
    scene.change(10, 0, 0, kSleeps, 1, 5);
    scene.change(50, 0, 1, kSleeps, 0);
    scene.finish(100);
    return make_report(scene.history, {}, By::thread, false).trust.beyond;
  };
  CHECK(beyond(1, 5, 40).slices == 0);
  CHECK(beyond(1, 5, 40).wait_ns == 0);
  CHECK(beyond(1, 5, 40).oncpu_ns == 0);
  CHECK(beyond(kSlices, 105, 40).slices == 2);
  CHECK(beyond(kSlices, 105, 40).wait_ns == 100'000);
  const uint64_t apart = kTickUs + kApartPerSliceUs * kTold;
  CHECK(beyond(kSlices, 105, 40 + apart).oncpu_ns == 0);
  CHECK(beyond(kSlices, 105, 40 + apart + 1).oncpu_ns == (apart + 1) * 1000);
}

TEST_CASE("who listens hears of each wait that is in the sums, whose slice ended unseen as well") {
  Scene scene;
  Heard heard;
  scene.history.listen(heard);
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'R', 1);
  scene.there(3, "c", 'S');
  scene.wake(10, 0, 3, 1);
  scene.change(14, 0, 1, kMadeTo, 3, 4);
  SECTION("for it comes on another core") {
    scene.change(30, 1, 2, kSleeps, 3, 2);
    scene.change(40, 1, 3, kSleeps, 0);
  }
  SECTION("for it leaves another core") { scene.change(30, 1, 3, kSleeps, 0); }
  SECTION("for somebody else leaves its core") { scene.change(30, 0, 1, kSleeps, 0); }
  SECTION("for records are missing") {
    scene.lost(30, 0);
    scene.change(40, 0, 1, kSleeps, 0);
  }
  SECTION("for its number is another's") { scene.fork(30, 1, 3, 2, 77); }
  scene.finish(100);
  for (uint32_t i = 0; i < scene.history.threads().size(); ++i) {
    const HistoryThread& thread = scene.history.threads()[i];
    CAPTURE(i, thread.comm);
    uint64_t wait_ns = 0, ran_ns = 0;
    for (const auto* told : {&heard.slices, &heard.waits})
      for (const Slice& slice : *told)
        if (slice.thread == i) {
          wait_ns += slice.wait_ns;
          ran_ns += slice.end_ns - slice.begin_ns;
        }
    CHECK(wait_ns == thread.ready_ns);
    CHECK(ran_ns == thread.oncpu_ns);
    check_sum(thread);
  }
}

TEST_CASE("a deadline thread is the most urgent of all") {
  Scene scene;
  ts_thread_row row{};
  row.record.have = TS_HAVE_SWITCHES;
  row.tid = row.tgid = row.start_ns = 5;
  row.state = 'S';
  row.prio = -101;
  scene.history.opening(row);
  CHECK(scene.thread(5).prio == -1);
  ts_event_switch record{};
  record.event = {Scene::at(10), 6, 0, TS_EVENT_SWITCH, 255};  // a byte's -1
  scene.history.event(record.event);
  scene.finish(20);
  CHECK(scene.thread(6).prio == -1);
}

TEST_CASE("a part of a recording begins with what was going on") {
  Scene scene(Scene::make_info(), 100, 200);
  Heard heard;
  scene.history.listen(heard);
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'S');
  scene.wake(30, 0, 2, 1);
  scene.change(50, 0, 1, kSleeps, 2, 20);
  scene.wake(80, 0, 1, 2);
  scene.change(150, 0, 2, kMadeTo, 1, 70);
  scene.change(250, 0, 1, kSleeps, 0);
  scene.finish(300);
  CHECK(scene.history.info().begin_ns == Scene::at(100));
  CHECK(scene.history.info().end_ns == Scene::at(200));
  CHECK(scene.thread(2).oncpu_ns == 50'000);
  CHECK(scene.thread(1).oncpu_ns == 50'000);
  CHECK(scene.thread(1).ready_ns == 50'000);  // of 70, for the window cuts it
  CHECK(scene.thread(1).wait_sum_ns == 70'000);
  REQUIRE(heard.slices.size() == 2);
  CHECK(heard.slices[0].begin_cut);
  CHECK(heard.slices[0].wait_ns == 0);  // it was before the window
  CHECK(heard.slices[1].end_cut);
  check_sum(scene.thread(1));
  check_sum(scene.thread(2));
}

TEST_CASE("how many ran and how many waited adds up to the window") {
  Scene scene;
  scene.there(1, "a", 'R', 0);
  scene.there(2, "b", 'R', 1);
  scene.there(3, "c", 'S');
  scene.wake(20, 0, 3, 1);
  scene.change(40, 0, 1, kSleeps, 3, 20);
  scene.change(70, 1, 2, kSleeps, 0);
  scene.finish(100);
  const Concurrency& concurrency = scene.history.concurrency();
  REQUIRE(concurrency.running_ns.size() == 3);
  CHECK(concurrency.running_ns[2] == 70'000);
  CHECK(concurrency.running_ns[1] == 30'000);
  REQUIRE(concurrency.ready_ns.size() == 2);
  CHECK(concurrency.ready_ns[1] == 20'000);
}

}  // namespace timeslice::model
