// SPDX-License-Identifier: MIT
// The cluster and its clients are Node's, see workload.js. All of it runs on so many CPUs as the
// page says, which on a large machine aren't all: otherwise it would need hundreds of workers.
#include "labs/11-cluster/lab.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::workers {

int workload(const Setting& setting) {
  const auto given = [&](const char* name) { return std::to_string(setting.parameters.at(name)); };
  stay_on_few_cpus(setting.machine);
  return write_output(run_node(setting, {{given("ms"), given("cpus"), given("many")}, {}}));
}

}  // namespace timeslice::labs::workers
