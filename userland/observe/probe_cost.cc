// SPDX-License-Identifier: MIT
#include "observe/probe_cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <utility>

namespace timeslice::observe {

namespace {

// The first runs find cold caches: a mean of few would say more about them than about the probes.
constexpr uint64_t kEnoughSwitches = 10'000;
constexpr int kEnoughPasses = 20;

bpf_prog_info info_of(const bpf_program* program) {
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return {};
  return info;
}

}  // namespace

ProbeCost::ProbeCost(const bpf_program* switch_program, std::vector<const bpf_program*> others)
    : switch_program_(switch_program),
      others_(std::move(others)),
      stats_(bpf_enable_stats(BPF_STATS_RUN_TIME)) {}

void ProbeCost::advance() {
  if (!stats_) return;
  const bpf_prog_info on_switch = info_of(switch_program_);
  switches_ = on_switch.run_cnt;
  run_ns_ = on_switch.run_time_ns;
  for (const bpf_program* program : others_) run_ns_ += info_of(program).run_time_ns;
  if (switches_ >= kEnoughSwitches || ++passes_ >= kEnoughPasses) stats_ = UniqueFd();
}

}  // namespace timeslice::observe
