// SPDX-License-Identifier: MIT
// Node does it all, see workload.js: messages, shared memory, and a server with a global variable.
// The messages go back and forth on one CPU: to wake another CPU may take longer than all the rest.
#include <sched.h>

#include "labs/12-shared-state/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::shared_state {

int workload(const Setting& setting) {
  const auto given = [&](const char* name) { return std::to_string(setting.parameters.at(name)); };
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof(all), &all);
  CPU_ZERO(&one);
  CPU_SET(setting.machine.cpus.at(0), &one);
  sched_setaffinity(0, sizeof(one), &one);
  std::string output = run_node(setting, {{"messages", given("trips")}, {}});
  sched_setaffinity(0, sizeof(all), &all);
  output += run_node(setting, {{"state", given("adds")}, {}});
  return write_output(output);
}

}  // namespace timeslice::labs::shared_state
