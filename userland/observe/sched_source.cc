// SPDX-License-Identifier: MIT
// Aggregate mode: wait histograms, preemptors and wakers, kept by bpf/sched.bpf.c in storage on
// each task while its tracepoints are attached. Destroying the source detaches them.
#include <numeric>

#include "observe/core_states.h"
#include "observe/pass_skeleton.h"
#include "observe/preempt_count.h"
#include "observe/probe_cost.h"
#include "sched.skel.h"

namespace timeslice::observe {

namespace {

void prepare(sched_bpf& skeleton) {
  bpf_map__set_max_entries(skeleton.maps.core_states, bpf_map__max_entries(skeleton.maps.cores));
  skeleton.rodata->rq_to_preempt_count = rq_to_preempt_count();
}

class SchedSource : public Source {
 public:
  explicit SchedSource(const std::vector<uint32_t>& tgids)
      : Source("bpf", Mode::aggregate),
        skeleton_(load_pass<sched_bpf>("the aggregate mode's BPF programs", tgids, prepare)),
        reader_(parts_of(*skeleton_, skeleton_->maps.sched_rows)),
        cores_(skeleton_->maps.core_states),
        cost_(skeleton_->progs.on_switch, {skeleton_->progs.on_waking}) {
    if (const int error = sched_bpf__attach(skeleton_.get()))
      throw libbpf_failure("the scheduler's probes", -error);
    reader_.read(snapshot_);  // makes storage for the threads that run already
  }

  const Snapshot& read() override {
    reader_.read(snapshot_);
    if (++passes_ == 1) everything_is_news();
    snapshot_.header.unseeded_switches = cores_.add_to(snapshot_.cores);
    snapshot_.header.forked = skeleton_->bss->forked;
    snapshot_.header.ended = skeleton_->bss->ended;
    snapshot_.header.storage_failures = skeleton_->bss->storage_failures;
    cost_.advance();
    snapshot_.header.probe_ns = cost_.run_ns();
    snapshot_.header.probe_switches = cost_.switches();
    return snapshot_;
  }

 private:
  // The pass that made the storage has seen every row, but our caller has seen none.
  void everything_is_news() {
    snapshot_.news.resize(snapshot_.threads.size());
    std::iota(snapshot_.news.begin(), snapshot_.news.end(), 0U);
  }

  SkeletonPtr<sched_bpf> skeleton_;
  PassReader reader_;
  CoreStates cores_;
  ProbeCost cost_;
  int passes_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_sched_source(const std::vector<uint32_t>& tgids) {
  return std::make_unique<SchedSource>(tgids);
}

}  // namespace timeslice::observe
