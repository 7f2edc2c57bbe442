// SPDX-License-Identifier: MIT
// What does a recording show of workloads that run once, and how many slices may it have for a
// thread, given the kernel's count?
#pragma once
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"

namespace timeslice::vm {

// Its report, of which nothing was lost.
inline nlohmann::json report_of_run(live::Recording& recording, const live::Cast& cast) {
  live::run_together(cast);
  const live::Outcome outcome = recording.finish();
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  nlohmann::json report = recording.report();
  CHECK(report["trust"]["lost_records"] == 0);
  return report;
}

// The kernel doesn't count a thread as queued if it is preempted between its decision to sleep and
// its sleep, and so doesn't count its next slice: at most one per involuntary switch. Only
// preemptible kernels do so.
inline void check_slices(const nlohmann::json& thread, const live::Truth& before,
                         const live::Truth& now) {
  const uint64_t slices = thread["slices"], kernel = now.slices - before.slices;
  CHECK(slices >= kernel);
  CHECK(slices <= kernel + now.nivcsw - before.nivcsw);
}

}  // namespace timeslice::vm
