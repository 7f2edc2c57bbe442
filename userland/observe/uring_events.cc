// SPDX-License-Identifier: MIT
#include "observe/uring_events.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "base/failure.h"
#include "observe/pass_skeleton.h"
#include "observe/probe_cost.h"
#include "observe/task_iterator.h"
#include "observe/uring_arguments.h"
#include "observe/uring_rings.h"
#include "uring.skel.h"

namespace timeslice::observe {

namespace {

constexpr const char* kWhat = "the BPF programs that follow io_uring's requests";

struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

void choose(uring_bpf& skeleton, const UringChoice& choice) {
  skeleton.rodata->watch_all = choice.all;
  skeleton.rodata->left_out = choice.left_out;
  skeleton.rodata->by_ring = choice.by_ring;
  bpf_program__set_autoload(skeleton.progs.on_create, choice.by_ring);
  bpf_program__set_autoload(skeleton.progs.find_rings, choice.by_ring);
  if (!choice.by_ring) {
    bpf_map__set_max_entries(skeleton.maps.rings, 1);
    bpf_map__set_max_entries(skeleton.maps.ring_ops, 1);
  }
  if (choice.filter < 0)
    bpf_map__set_max_entries(skeleton.maps.tgid_filter,
                             static_cast<uint32_t>(std::max<size_t>(choice.tgids.size(), 1)));
  else if (const int error = bpf_map__reuse_fd(skeleton.maps.tgid_filter, choice.filter))
    throw libbpf_failure(kWhat, -error);
}

SkeletonPtr<uring_bpf> load(const UringChoice& choice, const UringArguments& places) {
  listen_to_libbpf();
  SkeletonPtr<uring_bpf> skeleton(uring_bpf::open());
  if (!skeleton) throw libbpf_failure(kWhat, errno);
  skeleton->rodata->submit_request_at = places.submit_request_at;
  skeleton->rodata->poll_request_at = places.poll_request_at;
  skeleton->rodata->async_request_at = places.async_request_at;
  skeleton->rodata->wake_request_at = places.wake_request_at.value_or(0);
  skeleton->rodata->complete_has_cqe = places.complete_has_cqe;
  choose(*skeleton, choice);
  if (const int error = uring_bpf::load(skeleton.get())) throw libbpf_failure(kWhat, -error);
  if (choice.filter < 0) fill_filter(skeleton->maps.tgid_filter, choice.tgids);
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

bool has_any(const ts_uring_op& op) {
  return op.submitted != 0 || op.unseen != 0 ||
         std::any_of(std::begin(op.completed), std::end(op.completed),
                     [](uint64_t count) { return count != 0; });
}

uint64_t missed_runs(const bpf_program* program) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return 0;
  return info.recursion_misses;
}

// Of a map that others may change meanwhile, so perhaps not all of them.
template <typename Key>
std::vector<Key> keys_of(const bpf_map* map) {
  std::vector<Key> keys;
  const int fd = bpf_map__fd(map);
  const size_t most = bpf_map__max_entries(map);
  for (Key key{}; keys.size() <= most; keys.push_back(key))
    if (bpf_map_get_next_key(fd, keys.empty() ? nullptr : &keys.back(), &key) != 0) break;
  return keys;
}

}  // namespace

class UringEvents::Programs {
 public:
  explicit Programs(const UringChoice& choice)
      : by_ring_(choice.by_ring),
        places_(uring_arguments()),
        skeleton_(load(choice, places_)),
        cost_(skeleton_->progs.on_complete,
              {skeleton_->progs.on_submit, skeleton_->progs.on_poll, skeleton_->progs.on_wake,
               skeleton_->progs.on_async, skeleton_->progs.on_wait}) {
    meet_reader();
    if (by_ring_) {
      attach(skeleton_->progs.on_create, "io_uring_create");
      finder_.emplace(skeleton_->progs.find_rings);
      finder_->run();
    }
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
    if (by_ring_) read_rings(totals);
    totals.submitters = keys_of<uint32_t>(skeleton_->maps.submitters);
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

  void forget(uint64_t ring) { bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.rings), &ring); }

 private:
  // Those that somebody else has made are found when they have done something.
  void read_rings(UringTotals& totals) {
    bool unknown = false;
    for (const uint64_t address : keys_of<uint64_t>(skeleton_->maps.rings)) {
      ts_uring_ring ring{};
      if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.rings), &address, &ring) != 0) continue;
      unknown |= ring.fd < 0;
      totals.rings.emplace_back(address, ring);
    }
    for (uint32_t slot = 0; slot < TS_URING_SLOTS; ++slot)
      if (has_any(totals.ops[slot]))
        totals.ring_ops.emplace_back(ts_uring_key{0, -1, slot}, totals.ops[slot]);
    const bpf_map* map = skeleton_->maps.ring_ops;
    for (const ts_uring_key& key : keys_of<ts_uring_key>(map)) {
      if (bpf_map_lookup_elem(bpf_map__fd(map), &key, parts_.data()) != 0) continue;
      auto& [whose, sum] = totals.ring_ops.emplace_back(key, ts_uring_op{});
      for (const ts_uring_op& part : parts_) add(sum, part);
      add(totals.ops[key.slot % TS_URING_SLOTS], sum);
    }
    if (totals.ring_ops.size() > bpf_map__max_entries(map) / 2) forget_closed(totals);
    if (unknown) finder_->run();
  }

  void forget_closed(UringTotals& totals) {
    for (const auto& [key, op] : totals.ring_ops) {
      if (key.tgid == 0 || (key.fd >= 0 && is_ring(key.tgid, key.fd))) continue;
      bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.ring_ops), &key);
      totals.forgotten.push_back(key);
    }
  }

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

  bool by_ring_;
  UringArguments places_;
  SkeletonPtr<uring_bpf> skeleton_;
  ProbeCost cost_;
  std::vector<Link> links_;
  std::optional<TaskIterator> finder_;
  std::vector<ts_uring_op> parts_;  // one a CPU
};

UringEvents::UringEvents(const UringChoice& choice)
    : programs_(std::make_unique<Programs>(choice)) {}

UringEvents::~UringEvents() = default;

void UringEvents::forget(uint64_t ring) { programs_->forget(ring); }

UringTotals UringEvents::read() { return programs_->read(); }

}  // namespace timeslice::observe
