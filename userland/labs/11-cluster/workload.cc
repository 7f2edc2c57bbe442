// SPDX-License-Identifier: MIT
// The cluster and its clients are Node's, see workload.js. All of it runs on so many CPUs as the
// page says, which on a large machine aren't all: otherwise it would need hundreds of workers.
#include <sched.h>

#include "labs/11-cluster/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::workers {

int workload(const Setting& setting) {
  const auto given = [&](const char* name) { return std::to_string(setting.parameters.at(name)); };
  cpu_set_t some;
  CPU_ZERO(&some);
  for (int64_t i = 0; i < setting.parameters.at("cpus"); ++i)
    CPU_SET(setting.machine.cpus.at(static_cast<size_t>(i)), &some);
  sched_setaffinity(0, sizeof(some), &some);
  return write_output(run_node(setting, {{given("ms"), given("cpus"), given("many")}, {}}));
}

}  // namespace timeslice::labs::workers
