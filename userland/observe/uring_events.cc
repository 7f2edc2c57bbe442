// SPDX-License-Identifier: MIT
#include "observe/uring_events.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>

#include "base/failure.h"
#include "observe/pass_skeleton.h"
#include "observe/probe_cost.h"
#include "observe/uring_arguments.h"
#include "uring.skel.h"

namespace timeslice::observe {

namespace {

constexpr const char* kWhat = "the BPF programs that follow io_uring's requests";

struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

SkeletonPtr<uring_bpf> load(const std::vector<uint32_t>& tgids, const UringArguments& places) {
  listen_to_libbpf();
  SkeletonPtr<uring_bpf> skeleton(uring_bpf::open());
  if (!skeleton) throw libbpf_failure(kWhat, errno);
  skeleton->rodata->submit_request_at = places.submit_request_at;
  skeleton->rodata->poll_request_at = places.poll_request_at;
  skeleton->rodata->async_request_at = places.async_request_at;
  skeleton->rodata->wake_request_at = places.wake_request_at.value_or(0);
  skeleton->rodata->complete_has_cqe = places.complete_has_cqe;
  bpf_map__set_max_entries(skeleton->maps.tgid_filter,
                           static_cast<uint32_t>(std::max<size_t>(tgids.size(), 1)));
  if (const int error = uring_bpf::load(skeleton.get())) throw libbpf_failure(kWhat, -error);
  fill_filter(skeleton->maps.tgid_filter, tgids);
  return skeleton;
}

void add(ts_uring_op& sum, const ts_uring_op& part) {
  for (int route = 0; route < TS_URING_ROUTES; ++route)
    sum.completed[route] += part.completed[route];
  sum.shots += part.shots;
  sum.refused += part.refused;
  sum.submitted += part.submitted;
  sum.without_cqe += part.without_cqe;
  sum.unseen += part.unseen;
  sum.latency_sum_ns += part.latency_sum_ns;
  for (int i = 0; i < TS_WAIT_BUCKETS; ++i) sum.latency_hist[i] += part.latency_hist[i];
}

uint64_t missed_runs(const bpf_program* program) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return 0;
  return info.recursion_misses;
}

}  // namespace

class UringEvents::Programs {
 public:
  explicit Programs(const std::vector<uint32_t>& tgids)
      : places_(uring_arguments()),
        skeleton_(load(tgids, places_)),
        cost_(skeleton_->progs.on_complete,
              {skeleton_->progs.on_submit, skeleton_->progs.on_poll, skeleton_->progs.on_wake,
               skeleton_->progs.on_async, skeleton_->progs.on_wait}) {
    meet_reader();
    // Those that only follow a request before the one that begins it: none is followed in part.
    attach(skeleton_->progs.on_complete, "io_uring_complete");
    attach(skeleton_->progs.on_overflow, "io_uring_cqe_overflow");
    attach(skeleton_->progs.on_wait, "io_uring_cqring_wait");
    if (places_.wake_request_at) attach(skeleton_->progs.on_wake, "io_uring_task_add");
    attach(skeleton_->progs.on_poll, "io_uring_poll_arm");
    attach(skeleton_->progs.on_async, "io_uring_queue_async_work");
    attach(skeleton_->progs.on_submit, places_.submit);
    parts_.resize(static_cast<size_t>(libbpf_num_possible_cpus()));
  }

  UringTotals read() {
    UringTotals totals;
    const int map = bpf_map__fd(skeleton_->maps.ops);
    for (uint32_t slot = 0; slot < TS_URING_SLOTS; ++slot) {
      if (const int error = bpf_map_lookup_elem(map, &slot, parts_.data()))
        throw failure_from_errno("cannot read io_uring's operations", -error);
      totals.ops.emplace_back();
      for (const ts_uring_op& part : parts_) add(totals.ops.back(), part);
    }
    const int submitters = bpf_map__fd(skeleton_->maps.submitters);
    uint32_t tid = 0;
    const uint32_t* before = nullptr;
    while (bpf_map_get_next_key(submitters, before, &tid) == 0) {
      totals.submitters.push_back(tid);
      before = &totals.submitters.back();
      if (totals.submitters.size() > bpf_map__max_entries(skeleton_->maps.submitters)) break;
    }
    totals.overflows = skeleton_->bss->overflows;
    for (const bpf_program* program :
         {skeleton_->progs.on_submit, skeleton_->progs.on_poll, skeleton_->progs.on_async,
          skeleton_->progs.on_complete, skeleton_->progs.on_overflow})
      totals.missed_runs += missed_runs(program);
    cost_.advance();
    totals.probe_ns = cost_.run_ns();
    totals.probe_ops = cost_.switches();
    return totals;
  }

 private:
  void meet_reader() {
    LIBBPF_OPTS(bpf_test_run_opts, options);
    const int error =
        bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.meet_reader), &options);
    if (error) throw failure_from_errno("cannot follow io_uring's requests", -error);
  }

  void attach(const bpf_program* program, const char* tracepoint) {
    Link link(bpf_program__attach_raw_tracepoint(program, tracepoint));
    if (!link)
      throw failure_from_errno(std::string("cannot attach to the tracepoint ") + tracepoint, errno);
    links_.push_back(std::move(link));
  }

  UringArguments places_;
  SkeletonPtr<uring_bpf> skeleton_;
  ProbeCost cost_;
  std::vector<Link> links_;
  std::vector<ts_uring_op> parts_;  // one a CPU
};

UringEvents::UringEvents(const std::vector<uint32_t>& tgids)
    : programs_(std::make_unique<Programs>(tgids)) {}

UringEvents::~UringEvents() = default;

UringTotals UringEvents::read() { return programs_->read(); }

}  // namespace timeslice::observe
