// SPDX-License-Identifier: MIT
// Who took the core away, and who woke the thread? Asked of workloads in which there is only one
// answer.
#include <unistd.h>

#include <atomic>

#include "observe/preempt_count.h"
#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

// The frame after one run of the workload.
const model::Frame& watch(Look& look, const Cast& cast) {
  look.advance();
  run_together(cast);
  return look.advance();
}

const model::SchedFigures& figures_of(const model::Frame& frame, pid_t tid) {
  const model::Thread* thread = thread_of(frame, tid);
  REQUIRE(thread != nullptr);
  REQUIRE(thread->sched);
  return *thread->sched;
}

const model::TopPeer* find_peer(const std::vector<model::TopPeer>& peers, uint32_t tid) {
  for (const model::TopPeer& peer : peers)
    if (peer.tid == tid) return &peer;
  return nullptr;
}

// Whoever comes is counted in one slot or another.
uint64_t counted_in(const ts_peer (&slots)[TS_PEERS]) {
  uint64_t sum = 0;
  for (const ts_peer& slot : slots) sum += slot.count;
  return sum;
}

constexpr int kWakers = 2 * TS_PEERS, kRounds = 10;

// The first thread reads a byte a turn, and is woken by one of the others after the other.
struct Turns {
  Pipe pipe;
  std::atomic<int> turn{-1};

  void sleep() {
    for (int i = 0; i < kRounds * kWakers; ++i) {
      turn = i;
      turn.notify_all();
      char byte;
      if (read(pipe.out.get(), &byte, 1) != 1) throw std::runtime_error("cannot read");
    }
  }
  void wake(int waker) {
    for (int mine = waker; mine < kRounds * kWakers; mine += kWakers) {
      for (int now = turn; now != mine; now = turn) turn.wait(now);
      while (!rests_in_read(getpid(), getpid(), pipe.out.get())) sched_yield();
      if (write(pipe.in.get(), "x", 1) != 1) throw std::runtime_error("cannot write");
    }
  }
};

Cast many_wakers() {
  const auto turns = std::make_shared<Turns>();
  std::vector<Leg> legs{[turns] { turns->sleep(); }};
  for (int waker = 0; waker < kWakers; ++waker)
    legs.push_back([turns, waker] { turns->wake(waker); });
  Cast cast;
  cast.push_back(std::make_unique<Workload>(std::move(legs)));
  return cast;
}

}  // namespace

// Strangers come by on that core too, on a busy machine more often than the other of the two.
TEST_CASE("of two spinners on one CPU, each is the other's top preemptor") {
  const Cast cast = pinned_spinners();
  Look look(observe::open_sched_source(tgids_of(cast)));
  const model::Frame& frame = watch(look, cast);
  for (size_t i = 0; i < 2; ++i) {
    const model::SchedFigures& sched = figures_of(frame, cast[i]->pid());
    REQUIRE(sched.top_preemptor);
    REQUIRE(sched.last_preemptor);
    INFO("of " << sched.involuntary << " times by " << sched.top_preemptor->name);
    const ts_sched_row* row = sched_of(*look.snapshot, cast[i]->pid());
    REQUIRE(row != nullptr);
    CHECK(counted_in(row->preemptors) == sched.involuntary);
    const auto other = static_cast<uint32_t>(cast[1 - i]->pid());
    const model::TopPeer* peer = find_peer(sched.preemptors, other);
    if (peer == nullptr && sched.preemptors.size() == TS_PEERS)
      SKIP_TEST("strangers on that core have all the places for preemptors");
    REQUIRE(peer != nullptr);
    CHECK(peer->context == TS_CONTEXT_TASK);
    CHECK(peer->count <= sched.top_preemptor->count);
    CHECK(sched.top_preemptor->share <= 1);
    CHECK(find_peer(sched.preemptors, static_cast<uint32_t>(cast[i]->pid())) == nullptr);
    // Nobody else can have been more often there.
    if (2 * peer->count > sched.involuntary) CHECK(sched.top_preemptor->tid == other);
  }
}

TEST_CASE("in a ping-pong each thread wakes the other") {
  REQUIRE(observe::rq_to_preempt_count() != 0);
  const Cast cast = pinned_ping_pong();
  Look look(observe::open_sched_source(tgids_of(cast)));
  const model::Frame& frame = watch(look, cast);
  // Who wakes the other may be preempted by it at once, and so never be asleep itself: one of both
  // is woken in each round, but it may always be the same.
  uint64_t wakeups = 0;
  for (size_t i = 0; i < 2; ++i) {
    const model::SchedFigures& sched = figures_of(frame, cast[i]->pid());
    CHECK(sched.wakeups[TS_CONTEXT_UNKNOWN] == 0);
    wakeups += sched.wakeups[TS_CONTEXT_TASK];
    if (sched.wakeups[TS_CONTEXT_TASK] < 100) continue;
    REQUIRE(sched.top_waker);
    CHECK(sched.top_waker->tid == static_cast<uint32_t>(cast[1 - i]->pid()));
    CHECK(sched.top_waker->context == TS_CONTEXT_TASK);
    CHECK(sched.top_waker->share > 0.9);
  }
  CHECK(wakeups >= 400);
}

TEST_CASE("a sleeper is woken by the timer interrupt, and no thread is named as its waker") {
  REQUIRE(observe::rq_to_preempt_count() != 0);
  const Cast cast = sleeper();
  Look look(observe::open_sched_source(tgids_of(cast)));
  const model::Frame& frame = watch(look, cast);
  const model::SchedFigures& sched = figures_of(frame, cast[0]->pid());
  CHECK(sched.wakeups[TS_CONTEXT_HARDIRQ] >= 190);
  CHECK(sched.wakeups[TS_CONTEXT_TASK] <= 3);  // we, when we opened its gate
  CHECK(sched.wakeups[TS_CONTEXT_UNKNOWN] == 0);
  REQUIRE(sched.top_waker);
  CHECK(sched.top_waker->context == TS_CONTEXT_HARDIRQ);
  CHECK(sched.top_waker->tid == 0);
  CHECK(sched.top_waker->name == "hardirq");
  CHECK(sched.top_waker->share > 0.9);
}

TEST_CASE("of more wakers than have a place, none is said to be one more often than it was") {
  REQUIRE(observe::rq_to_preempt_count() != 0);
  const Cast cast = many_wakers();
  Look look(observe::open_sched_source(tgids_of(cast)));
  watch(look, cast);
  const ts_sched_row* row = sched_of(*look.snapshot, cast[0]->pid());
  REQUIRE(row != nullptr);
  CHECK(row->wakeups[TS_CONTEXT_TASK] >= kRounds * kWakers);
  CHECK(counted_in(row->wakers) >= row->wakeups[TS_CONTEXT_TASK]);
  for (const ts_peer& waker : row->wakers) {
    CAPTURE(waker.tid, waker.count, waker.error);
    CHECK(waker.count - waker.error <= kRounds);
  }
}

TEST_CASE("the thread that opens the gate is the waker") {
  const Cast cast = spinner();
  Look look(observe::open_sched_source(tgids_of(cast)));
  const model::Frame& frame = watch(look, cast);
  const model::SchedFigures& sched = figures_of(frame, cast[0]->pid());
  REQUIRE(sched.top_waker);
  CHECK(sched.top_waker->tid == static_cast<uint32_t>(getpid()));
  CHECK(sched.wakeups[TS_CONTEXT_TASK] == 1);
}

}  // namespace timeslice::live
