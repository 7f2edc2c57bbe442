// SPDX-License-Identifier: MIT
// B9: how much does a switch cost with the module, with our BPF programs, with neither? Two
// processes on one CPU pass a byte back and forth. Hidden, because a time is not a test; each round
// tries all three, one after the other. Prints "B9 WHO ns_per_switch".
#include <cstdio>
#include <optional>

#include "observe/source.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

constexpr int kTurns = 3000;  // of four switches each, with both on one CPU

live::Cast players() {
  const auto there = std::make_shared<live::Pipe>(), back = std::make_shared<live::Pipe>();
  live::Cast cast;
  for (const bool begins : {true, false})
    cast.push_back(std::make_unique<live::Workload>(std::vector<live::Leg>{[=] {
      live::pin_to(0);
      live::play_ping_pong(begins ? *back : *there, begins ? *there : *back, kTurns, begins);
    }}));
  return cast;
}

void measure(const char* who, const live::Cast& cast) {
  const auto begin = live::Clock::now();
  run_together(cast);
  const double ns =
      static_cast<double>(std::chrono::nanoseconds(live::Clock::now() - begin).count());
  std::printf("B9 %s %.0f\n", who, ns / (2.0 * kTurns));
}

}  // namespace

TEST_CASE("B9", "[.]") {
  const live::Cast cast = players();
  run_together(cast);  // to warm up
  for (int round = 0; round < 15; ++round) {
    measure("neither", cast);
    {
      const Module module;
      measure("module", cast);
    }
    if (!expects_bpf()) continue;
    const auto bpf = observe::open_sched_source({});
    measure("BPF", cast);
  }
}

}  // namespace timeslice::vm
