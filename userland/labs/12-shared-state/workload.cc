// SPDX-License-Identifier: MIT
// Node does it all, see workload.js: messages, shared memory, and a server with a global variable.
#include "labs/12-shared-state/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::shared_state {

int workload(const Setting& setting) {
  const auto given = [&](const char* name) { return std::to_string(setting.parameters.at(name)); };
  return write_output(run_node(setting, {{given("trips"), given("adds")}, {}}));
}

}  // namespace timeslice::labs::shared_state
