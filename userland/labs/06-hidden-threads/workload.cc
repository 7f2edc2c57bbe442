// SPDX-License-Identifier: MIT
// A Node program that says after each of its steps which threads it has.
#include "labs/06-hidden-threads/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::hidden_threads {

int workload(const Setting& setting) {
  const std::string pool = "UV_THREADPOOL_SIZE=" + std::to_string(setting.parameters.at("pool"));
  // Options may start threads of their own, and so may io_uring.
  return write_output(run_node(setting, {{}, {pool, "UV_USE_IO_URING=0", "NODE_OPTIONS="}}));
}

}  // namespace timeslice::labs::hidden_threads
