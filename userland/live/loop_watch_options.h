// SPDX-License-Identifier: MIT
// What is wanted of who watches event loops?
#pragma once
#include <cstdint>
#include <optional>

namespace timeslice::live {

struct LoopWatchOptions {
  uint64_t block_ns = 50'000'000;  // a turn that lasts so long is a block
  // Stacks of turns of any length are sampled, not only of those that become blocks.
  bool profiles = false;
  bool requests = false;  // that were being served during a block; URLs may be secrets
  // Each turn is timed by probes, as long as they take no more of a CPU than this. Absent: none.
  std::optional<double> turns_budget_ratio;
  bool phases = false;  // of the turns are told apart as well
};

}  // namespace timeslice::live
