// SPDX-License-Identifier: MIT
// Does all of it work on a machine with many CPUs, most of them idle? Run in a guest with 64, which
// boots for this alone: they take turns on the host's CPUs.
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"
#include "tests/vm/guest/recorded_run.h"

namespace timeslice::vm {

namespace {

using live::Json;

std::vector<unsigned> all_cores() {
  std::vector<unsigned> cores(static_cast<size_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
  std::iota(cores.begin(), cores.end(), 0U);
  return cores;
}

// The CPUs that their table lists, in its order.
std::vector<unsigned> cores_in(const Json& table) {
  std::vector<unsigned> cores;
  for (const Json& core : table) cores.push_back(core["cpu"]);
  return cores;
}

Json frame_from(const std::string& source) {
  const live::Outcome outcome = live::run({live::timeslice(), "top", "--json", "-n", "1", "-d",
                                           "0.5", "--source", source, "--probes", "sched"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out);
}

}  // namespace

VM_TEST_CASE("with many CPUs top lists each, from BPF and from the module", "[.][cores]") {
  REQUIRE(all_cores().size() > 32);
  const Json bpf = frame_from("bpf");
  CHECK(bpf["source"] == "bpf");
  CHECK(cores_in(bpf["cores"]) == all_cores());
  const Module module;
  const Json kmod = frame_from("kmod");
  CHECK(kmod["source"] == "kmod");
  CHECK(cores_in(kmod["cores"]) == all_cores());
}

VM_TEST_CASE("with many CPUs a recording has the kernel's counts", "[.][cores]") {
  const live::Cast cast = live::ping_pong();
  live::Recording recording({});
  std::vector<live::Truth> before;
  for (const auto& player : cast) before.push_back(live::truth_of(player->pid(), player->pid()));
  const Json report = report_of_run(recording, cast);
  for (size_t i = 0; i < cast.size(); ++i) {
    const pid_t tid = cast[i]->pid();
    const live::Truth now = live::truth_of(tid, tid);
    const Json thread = live::find_by(report["threads"], "tid", tid);
    INFO(thread.dump());
    REQUIRE(thread.is_object());
    CHECK(thread["nvcsw"] == now.nvcsw - before[i].nvcsw);
    CHECK(thread["nivcsw"] == now.nivcsw - before[i].nivcsw);
    check_slices(thread, before[i], now);
  }
  // Those that did nothing are not missing, and what they did is known: they were idle.
  CHECK(cores_in(report["cores"]) == all_cores());
  for (const Json& core : report["cores"]) {
    INFO(core.dump());
    CHECK(core["idle_ms"] > 0);
  }
}

}  // namespace timeslice::vm
