// SPDX-License-Identifier: MIT
// Does a thread that is given the id of one that ended get a history of its own? Forced here, for
// chance takes 32,768 forks: clone3 lets root choose a process's id, ns_last_pid a thread's.
#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/recorded.h"
#include "tests/live/storm.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

struct Life {
  uint64_t start_ns;
  Truth truth;
};

// What each mode says of the thread that has the id now, whatever the one before did.
void check_life(Look& look, pid_t tgid, pid_t tid, const Life* life_before) {
  INFO("mode " << name_of(look.source->mode()));
  const Truth truth = truth_of(tgid, tid);
  const model::Frame& frame = look.advance();
  const ts_thread_row* row = row_of(*look.snapshot, tid);
  REQUIRE(row != nullptr);
  CHECK(row->nvcsw == truth.nvcsw);
  if (life_before != nullptr) CHECK(row->start_ns > life_before->start_ns);
  if (const ts_sched_row* sched = sched_of(*look.snapshot, tid)) {
    CHECK(sched->voluntary == truth.nvcsw);
    CHECK(sched->involuntary == truth.nivcsw);
    CHECK(sched->waits == truth.slices);
    CHECK(sched->missed_waits == 0);
    CHECK(sched->wait_sum_ns == truth.run_delay_ns);
    CHECK(sched->missed == 0);
  }
  std::vector<const model::Thread*> shown;
  for (const model::Thread* thread : frame.threads)
    if (thread->row.tid == static_cast<uint32_t>(tid)) shown.push_back(thread);
  REQUIRE(shown.size() == (life_before != nullptr ? 2 : 1));
  const model::Thread& now = shown[0]->ended ? *shown.back() : *shown[0];
  CHECK(now.began);
  CHECK_FALSE(now.ended);
  REQUIRE(frame.interval_s);
  CHECK(now.nvcsw_per_s.value_or(-1) * *frame.interval_s ==
        Approx(static_cast<double>(truth.nvcsw)));
  if (life_before == nullptr) return;
  const model::Thread& old = shown[0]->ended ? *shown[0] : *shown.back();
  CHECK(old.ended);
  CHECK_FALSE(old.began);
  CHECK(old.row.start_ns == life_before->start_ns);
  CHECK(old.row.nvcsw == life_before->truth.nvcsw);
}

// As many processes one after the other with one id, each seen by `look` at the end of its life.
void check_lives(std::unique_ptr<observe::Source> source, int lives) {
  Look look(std::move(source));
  look.advance();
  pid_t id = 0;
  Life before{};
  for (int i = 0; i < lives; ++i) {
    Workload workload({[i] { nap(10 * (i % 3 + 1)); }}, id);
    if (i > 0) REQUIRE(workload.pid() == id);
    id = workload.pid();
    workload.run();
    check_life(look, id, id, i > 0 ? &before : nullptr);
    before = {row_of(*look.snapshot, id)->start_ns, truth_of(id, id)};
  }
}

struct Order {
  pid_t wanted;
  int naps;
};

// In a child: one thread after the other, each with the id that was asked for. Others may take an
// id between our choice and our clone, so it is tried until it is ours.
void obey(const Pipe& orders, const Pipe& reports, const Pipe& gate) {
  for (Order order{}; ::read(orders.out.get(), &order, sizeof(order)) == sizeof(order);) {
    for (bool ours = false; !ours;) {
      if (order.wanted != 0) std::ofstream("/proc/sys/kernel/ns_last_pid") << order.wanted - 1;
      std::thread([&] {
        const pid_t tid = gettid();
        ours = order.wanted == 0 || tid == order.wanted;
        if (!ours) return;
        nap(order.naps);
        if (::write(reports.in.get(), &tid, sizeof(tid)) != sizeof(tid)) _exit(98);
        char byte;
        if (::read(gate.out.get(), &byte, 1) != 1) _exit(98);
      }).join();
    }
  }
}

void check_thread_lives(std::unique_ptr<observe::Source> source, const Child& child,
                        const Pipe& orders, const Pipe& reports, const Pipe& gate) {
  Look look(std::move(source));
  look.advance();
  Order order{0, 10};
  Life before{};
  for (int i = 0; i < 5; ++i) {
    REQUIRE(::write(orders.in.get(), &order, sizeof(order)) == sizeof(order));
    pid_t tid = 0;
    REQUIRE(read_fully(reports.out.get(), &tid, sizeof(tid)));
    REQUIRE(until([&] { return rests_in_read(child.pid(), tid, gate.out.get()); }));
    check_life(look, child.pid(), tid, i > 0 ? &before : nullptr);
    before = {row_of(*look.snapshot, tid)->start_ns, truth_of(child.pid(), tid)};
    order = {tid, order.naps + 5};
    REQUIRE(::write(gate.in.get(), "", 1) == 1);
  }
}

}  // namespace

// The kernel forgets each some time after the next one has its number.
TEST_CASE("processes that reuse an id in immediate succession are separate in a recording") {
  constexpr int kLives = 40;
  Workload parent({[] {
    pid_t id = 0;
    for (int i = 0; i < kLives; ++i) {
      Child child([] { spin(std::chrono::microseconds(300)); }, id);
      id = child.pid();
      child.wait();
    }
  }});
  Recording recording({"-p", std::to_string(parent.pid())});
  parent.run();
  REQUIRE(recording.finish().status == 0);
  int lives = 0;
  const Json report = recording.report();
  for (const Json& thread : report["threads"]) {
    if (thread["born"] != true) continue;
    INFO(thread.dump());
    CHECK(thread["tgid"] != parent.pid());
    CHECK(thread["ended"] == true);
    REQUIRE(thread["kernel"].is_object());
    CHECK(thread["nvcsw"] == thread["kernel"]["nvcsw"]);
    ++lives;
  }
  CHECK(lives == kLives);
}

TEST_CASE("processes that reuse an id have separate histories, in count mode") {
  check_lives(observe::open_count_source({}), 10);
}

TEST_CASE("processes that reuse an id have separate histories, in aggregate mode") {
  check_lives(observe::open_sched_source({}), 10);
}

TEST_CASE("processes that reuse an id have separate histories, in proc mode") {
  // The file tells the start in ticks of 10 ms: those who live shorter can't be told apart there.
  check_lives(observe::open_proc_source({}), 4);
}

TEST_CASE(
    "processes that reuse an id keep separate histories while a thousand others come and go") {
  Storm storm(1000);
  check_lives(observe::open_sched_source({}), 20);
  CHECK(storm.stop() > 0);
}

TEST_CASE("threads of one process that reuse an id have separate histories") {
  if (access("/proc/sys/kernel/ns_last_pid", W_OK) != 0)
    SKIP_TEST("no ns_last_pid: the kernel has no CONFIG_CHECKPOINT_RESTORE, or we aren't root");
  const Pipe orders, reports, gate;
  const Child child([&] { obey(orders, reports, gate); });
  const std::vector<uint32_t> tgids{static_cast<uint32_t>(child.pid())};
  check_thread_lives(observe::open_count_source(tgids), child, orders, reports, gate);
  check_thread_lives(observe::open_sched_source(tgids), child, orders, reports, gate);
}

}  // namespace timeslice::live
