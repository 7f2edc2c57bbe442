// SPDX-License-Identifier: MIT
// How is a mode's BPF object loaded into the kernel? Each mode has a skeleton type of its own, made
// by bpftool; what they have from bpf/pass.h has the same names in all, and is handled here.
#pragma once
#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "observe/libbpf_log.h"
#include "observe/pass_reader.h"

namespace timeslice::observe {

template <typename Skeleton>
struct SkeletonCloser {
  void operator()(Skeleton* skeleton) const { Skeleton::destroy(skeleton); }
};
template <typename Skeleton>
using SkeletonPtr = std::unique_ptr<Skeleton, SkeletonCloser<Skeleton>>;

// For this many selected processes; 0: all. Null if the kernel refuses; `error` says why.
template <typename Skeleton, typename Prepare>
SkeletonPtr<Skeleton> try_load(const char* what, Way way, size_t chosen, Prepare prepare,
                               int& error) {
  listen_to_libbpf();
  SkeletonPtr<Skeleton> skeleton(Skeleton::open());
  if (!skeleton) throw libbpf_failure(what, errno);
  error = -ENOENT;
  if (!prepare_pass(way, skeleton->progs.walk_threads, skeleton->progs.read_threads,
                    skeleton->maps.cores, skeleton->maps.seen_threads))
    return nullptr;
  skeleton->rodata->filtered = chosen > 0;
  bpf_map__set_max_entries(skeleton->maps.tgid_filter,
                           static_cast<uint32_t>(std::max<size_t>(chosen, 1)));
  prepare(*skeleton);
  error = Skeleton::load(skeleton.get());
  return error == 0 ? std::move(skeleton) : nullptr;
}

// Loaded, and with its filter filled. `prepare` does what only this mode needs before the load.
// Throws Failure, in which its programs are called `what`.
template <typename Skeleton, typename Prepare>
SkeletonPtr<Skeleton> load_pass(const char* what, const std::vector<uint32_t>& tgids,
                                Prepare prepare) {
  int error = 0;
  auto skeleton = try_load<Skeleton>(what, Way::walk, tgids.size(), prepare, error);
  if (!skeleton && error != -EPERM)
    skeleton = try_load<Skeleton>(what, Way::iterate, tgids.size(), prepare, error);
  if (!skeleton) throw libbpf_failure(what, -error);
  fill_filter(skeleton->maps.tgid_filter, tgids);
  return skeleton;
}

// `sched_rows`: null if the mode has none.
template <typename Skeleton>
PassParts parts_of(Skeleton& skeleton, const bpf_map* sched_rows) {
  auto& bss = *skeleton.bss;
  return {skeleton.progs.walk_threads,
          skeleton.progs.read_threads,
          skeleton.maps.rows,
          sched_rows,
          skeleton.maps.cores,
          &bss.renew,
          &bss.resume_at,
          &bss.visited,
          &bss.used,
          &bss.deferred,
          &bss.first_deferred};
}

}  // namespace timeslice::observe
