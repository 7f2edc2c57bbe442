// SPDX-License-Identifier: MIT
// The server and its clients are Node's, see workload.js. All of it runs on so many CPUs as the
// page says, which on a large machine aren't all: four threads, as Node's pool has, must fill them.
#include "labs/13-faster/lab.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::faster {

int workload(const Setting& setting) {
  stay_on_few_cpus(setting.machine);
  NodeOptions options;
  for (const char* name : {"ms", "wait", "pool", "cpus", "many"})
    options.arguments.push_back(std::to_string(setting.parameters.at(name)));
  return write_output(run_node(setting, options));
}

}  // namespace timeslice::labs::faster
