// SPDX-License-Identifier: MIT
// Two programs compute on one CPU until the time is over: one has nice 0, the other one is nicer.
#include <sys/resource.h>

#include "base/clock.h"
#include "labs/04-slices/lab.h"
#include "labs/parts/programs.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::slices {

namespace {

void compute_until(uint64_t end_ns) {
  while (monotonic_ns() < end_ns) {
  }
}

}  // namespace

int workload(const Setting& setting) {
  const std::vector<uint32_t> cpu = {setting.machine.cpus.at(0)};
  const uint64_t lasts_ns = static_cast<uint64_t>(setting.parameters.at("seconds")) * 1'000'000'000;
  const uint64_t end_ns = monotonic_ns() + lasts_ns;
  const auto nice = [&](int64_t value) {
    setpriority(PRIO_PROCESS, 0, static_cast<int>(value));
    compute_until(end_ns);
  };
  std::string output;
  say_round(output, "both",
            run_together({{"lab-nice0", cpu, [&] { nice(0); }},
                          {"lab-nicer", cpu, [&] { nice(setting.parameters.at("nice")); }}}));
  return write_output(output);
}

}  // namespace timeslice::labs::slices
