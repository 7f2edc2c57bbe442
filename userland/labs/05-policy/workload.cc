// SPDX-License-Identifier: MIT
// Three rounds on two CPUs: three programs that may use both; the same ones, pinned; and two on one
// CPU, of which one has the policy SCHED_FIFO and sleeps now and then.
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "labs/05-policy/lab.h"
#include "labs/parts/programs.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::policy {

namespace {

void compute_and_sleep(int64_t ms, int64_t slice_ms) {
  const timespec little{0, 1'000'000};
  for (int64_t done = 0; done < ms; done += slice_ms) {
    compute_ms(slice_ms);
    nanosleep(&little, nullptr);
  }
}

}  // namespace

int workload(const Setting& setting) {
  const std::vector<uint32_t> first = {setting.machine.cpus.at(0)},
                              second = {setting.machine.cpus.at(1)},
                              both = {setting.machine.cpus.at(0), setting.machine.cpus.at(1)};
  const int64_t ms = setting.parameters.at("ms"), slice = setting.parameters.at("slice");
  const auto compute = [&] { compute_ms(ms); };
  const auto come_first = [&] {
    const sched_param priority{1};
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) _exit(1);
    compute_and_sleep(ms, slice);
  };
  std::string output;
  say_round(output, "free",
            run_together({{"lab-free-A", both, compute},
                          {"lab-free-B", both, compute},
                          {"lab-free-C", both, compute}}));
  say_round(output, "pinned",
            run_together({{"lab-pinned-A", first, compute},
                          {"lab-pinned-B", first, compute},
                          {"lab-pinned-C", second, compute}}));
  say_round(output, "fifo",
            run_together({{"lab-fifo", first, come_first}, {"lab-normal", first, compute}}));
  return write_output(output);
}

}  // namespace timeslice::labs::policy
