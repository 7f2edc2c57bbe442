// SPDX-License-Identifier: MIT
// Does stream mode work on this kernel, too? A recording of workloads, compared with the kernel's
// own counters as on the machine itself; here no thread is hidden, so all arrivals and waits are
// recorded.
#include <linux/capability.h>

#include <nlohmann/json.hpp>

#include "tests/live/few_rights.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/ext_scheduler.h"
#include "tests/vm/guest/module.h"
#include "tests/vm/guest/recorded_run.h"

namespace timeslice::vm {

namespace {

using live::Json;

void check_recorded(const live::Cast& cast) {
  live::Recording recording({});
  std::vector<live::Truth> before;
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids()) before.push_back(live::truth_of(workload->pid(), tid));
  const Json report = report_of_run(recording, cast);
  CHECK(report["trust"]["missing_switches"] == 0);
  size_t at = 0;
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids()) {
      const live::Truth now = live::truth_of(workload->pid(), tid), &then = before[at++];
      const Json thread = live::find_by(report["threads"], "tid", tid);
      INFO(thread.dump());
      REQUIRE(thread.is_object());
      CHECK(thread["nvcsw"] == now.nvcsw - then.nvcsw);
      CHECK(thread["nivcsw"] == now.nivcsw - then.nivcsw);
      check_slices(thread, then, now);
      CHECK(thread["run_delay_ms"].get<double>() * 1e6 ==
            Approx(static_cast<double>(now.run_delay_ns - then.run_delay_ns)).margin(0.5));
      CHECK(thread["unseen_ms"] == 0);
    }
}

}  // namespace

VM_TEST_CASE("a recording has this kernel's counts", "[bpf]") {
  if (!expects_bpf()) {
    const live::Outcome outcome = live::run({live::timeslice(), "record", "--seconds", "1"});
    CHECK(outcome.status == 1);
    CHECK(live::lines_of(outcome.err).size() == 1);
    return;
  }
  check_recorded(live::ping_pong());
  check_recorded(live::pinned_spinners());
  check_recorded(live::mixed_threads());
}

VM_TEST_CASE("CAP_BPF with CAP_PERFMON is enough for counters, probes and recordings", "[bpf]") {
  if (!expects_bpf()) return;
  const auto few = [] { live::become_nobody_with({CAP_BPF, CAP_PERFMON}); };
  for (const char* probes : {"none", "sched"}) {
    const live::Outcome top =
        live::run({live::timeslice(), "top", "--json", "-n", "1", "--probes", probes}, few);
    INFO(top.err);
    CHECK(top.status == 0);
    CHECK(Json::parse(top.out)["source"] == "bpf");
  }
  const live::Outcome record =
      live::run({live::timeslice(), "record", "--seconds", "0.5", "-o", "/dev/null"}, few);
  INFO(record.err);
  CHECK(record.status == 0);
}

VM_TEST_CASE("a recording under a sched_ext scheduler has this kernel's counts", "[.][alone]") {
  CHECK_FALSE((offers_sched_ext() && !expects_bpf()));
  if (!offers_sched_ext()) return;
  const ExtScheduler scheduler;
  check_recorded(live::pinned_spinners());
  check_recorded(live::mixed_threads());
}

}  // namespace timeslice::vm
