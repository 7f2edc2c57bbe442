// SPDX-License-Identifier: MIT
#include "tests/live/onlooker.h"

#include <bpf/libbpf.h>

#include <stdexcept>

#include "bpf/probe_hits.h"
#include "probe_hits.skel.h"

namespace timeslice::live {

void Onlooker::SkeletonCloser::operator()(probe_hits_bpf* skeleton) const {
  probe_hits_bpf__destroy(skeleton);
}

void Onlooker::LinkCloser::operator()(bpf_link* link) const { bpf_link__destroy(link); }

Onlooker::Onlooker(pid_t pid, const std::string& probe) : skeleton_(probe_hits_bpf__open()) {
  if (!skeleton_ || probe_hits_bpf__load(skeleton_.get()) != 0)
    throw std::runtime_error("the test can't load its BPF program");
  const std::string program = "/proc/" + std::to_string(pid) + "/exe";
  link_.reset(bpf_program__attach_usdt(skeleton_->progs.on_probe, pid, program.c_str(), "timeslice",
                                       probe.c_str(), nullptr));
  if (!link_) throw std::runtime_error("the test can't attach to the probe " + probe);
}

Onlooker::~Onlooker() = default;

Hits Onlooker::hits() const {
  const uint64_t cookie = 0;
  probe_hits seen{};
  bpf_map__lookup_elem(skeleton_->maps.hits, &cookie, sizeof(cookie), &seen, sizeof(seen), 0);
  return {seen.count, {seen.last, seen.last + seen.arguments}};
}

}  // namespace timeslice::live
