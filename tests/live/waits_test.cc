// SPDX-License-Identifier: MIT
// Do aggregate mode's own figures reconcile with the kernel's? Its probes count each switch and
// each wait by themselves; while a workload rests, their sums must be what the kernel's grew by.
#include <numeric>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

uint64_t waits_in(const ts_sched_row& row) {
  return std::accumulate(std::begin(row.wait_hist), std::end(row.wait_hist), uint64_t{0});
}

// The sum lies between what the buckets' lower ends and their upper ends would give.
void check_histogram(const ts_sched_row& row) {
  CHECK(waits_in(row) == row.waits);
  uint64_t least = 0, most = 0;
  for (uint32_t i = 0; i < TS_WAIT_BUCKETS; ++i) {
    least += row.wait_hist[i] * ts_wait_bucket_floor_ns(i);
    most += row.wait_hist[i] * ts_wait_bucket_floor_ns(i + 1);
  }
  CHECK(row.wait_sum_ns >= least);
  CHECK(row.wait_sum_ns <= most);
  CHECK(row.wait_hist[ts_wait_bucket(row.wait_max_ns)] >= (row.waits != 0 ? 1 : 0));
}

void check_reconciled(const ts_sched_row* row, const Truth& before, const Truth& now) {
  REQUIRE(row != nullptr);
  CAPTURE(row->voluntary, row->involuntary);
  CHECK(row->missed == 0);
  CHECK(row->voluntary == now.nvcsw - before.nvcsw);
  CHECK(row->involuntary == now.nivcsw - before.nivcsw);
  CHECK(row->waits == now.slices - before.slices);
  CHECK(row->missed_waits == 0);
  CHECK(row->wait_sum_ns == now.run_delay_ns - before.run_delay_ns);
  check_histogram(*row);
}

void check_waits(const Cast& cast) {
  Look look(observe::open_sched_source(tgids_of(cast)));
  look.advance();
  std::vector<Truth> before;
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids()) before.push_back(truth_of(workload->pid(), tid));
  run_together(cast);
  const model::Frame& frame = look.advance();
  size_t i = 0;
  for (const auto& workload : cast) {
    for (const pid_t tid : workload->tids()) {
      INFO("thread " << i << " of the workload");
      check_reconciled(sched_of(*look.snapshot, tid), before[i++], truth_of(workload->pid(), tid));
      const model::Thread* thread = thread_of(frame, tid);
      REQUIRE(thread != nullptr);
      REQUIRE(thread->sched);
      CHECK(thread->sched->wait_p99_us);  // each has waited at least once: when its gate opened
    }
  }
  CHECK(frame.trust.missed_switches == 0);
  CHECK(frame.trust.storage_failures == 0);
  CHECK(frame.trust.unseeded_threads == 0);
  CHECK(frame.trust.lost_records == 0);
}

}  // namespace

TEST_CASE("our switches and waits of a spinner reconcile") { check_waits(spinner()); }

TEST_CASE("our switches and waits of two spinners on one CPU reconcile") {
  check_waits(pinned_spinners());
}

TEST_CASE("our switches and waits of a sleeper reconcile") { check_waits(sleeper()); }

TEST_CASE("our switches and waits of a yielder reconcile") { check_waits(yielder()); }

TEST_CASE("our switches and waits of a ping-pong reconcile") { check_waits(ping_pong()); }

TEST_CASE("our switches and waits of four different threads reconcile") {
  check_waits(mixed_threads());
}

TEST_CASE("a thread that starts while being observed is counted from its first switch") {
  Look look(observe::open_sched_source({}));
  look.advance();
  const Cast cast = mixed_threads();
  run_together(cast);
  const model::Frame& frame = look.advance();
  for (const pid_t tid : cast[0]->tids()) {
    check_reconciled(sched_of(*look.snapshot, tid), Truth{}, truth_of(cast[0]->pid(), tid));
    const model::Thread* thread = thread_of(frame, tid);
    REQUIRE(thread != nullptr);
    CHECK(thread->began);
  }
}

TEST_CASE("both modes at once don't disturb each other, and two in aggregate mode count the same") {
  const Cast cast = sleeper();
  Look one(observe::open_sched_source(tgids_of(cast)));
  Look other(observe::open_sched_source(tgids_of(cast)));
  one.advance();
  other.advance();
  run_together(cast);
  one.advance();
  other.advance();
  const ts_sched_row* a = sched_of(*one.snapshot, cast[0]->pid());
  const ts_sched_row* b = sched_of(*other.snapshot, cast[0]->pid());
  REQUIRE(a != nullptr);
  REQUIRE(b != nullptr);
  CHECK(a->voluntary >= 100);
  CHECK(a->voluntary == b->voluntary);
  CHECK(a->involuntary == b->involuntary);
  CHECK(a->wait_sum_ns == b->wait_sum_ns);
}

}  // namespace timeslice::live
