// SPDX-License-Identifier: MIT
// What does aggregate mode say of switches and waits that its probes weren't told of? Here the
// probes are attached only once the thread has run unseen.
#include "observe/pass_skeleton.h"
#include "observe/preempt_count.h"
#include "sched.skel.h"
#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

void prepare(sched_bpf& skeleton) {
  bpf_map__set_max_entries(skeleton.maps.core_states, bpf_map__max_entries(skeleton.maps.cores));
  skeleton.rodata->rq_to_preempt_count = observe::rq_to_preempt_count();
}

}  // namespace

TEST_CASE("switches and waits that no probe was told of are told as missed, to the unit") {
  const Cast cast = sleeper();
  const pid_t tid = cast[0]->pid();
  const auto skeleton = observe::load_pass<sched_bpf>("aggregate mode", tgids_of(cast), prepare);
  observe::PassReader reader(observe::parts_of(*skeleton, skeleton->maps.sched_rows));
  Snapshot snapshot;
  reader.read(snapshot);  // from here on its events are counted
  const Truth before = truth_of(tid, tid);
  cast[0]->run();
  const Truth unseen = truth_of(tid, tid);
  REQUIRE(sched_bpf::attach(skeleton.get()) == 0);
  cast[0]->run();
  const Truth now = truth_of(tid, tid);
  reader.read(snapshot);
  const ts_sched_row* row = sched_of(snapshot, tid);
  REQUIRE(row != nullptr);
  // The first that is seen again can't be told from those before it.
  CHECK(row->missed == unseen.nvcsw + unseen.nivcsw - before.nvcsw - before.nivcsw + 1);
  CHECK(row->missed_waits == unseen.slices - before.slices + 1);
  CHECK(row->missed + row->voluntary + row->involuntary ==
        now.nvcsw + now.nivcsw - before.nvcsw - before.nivcsw);
  CHECK(row->missed_waits + row->waits == now.slices - before.slices);
  CHECK(row->wait_sum_ns == now.run_delay_ns - before.run_delay_ns);
}

}  // namespace timeslice::live
