// SPDX-License-Identifier: MIT
// A Node program that says after each of its steps which threads it has; and the same steps on our
// own loop, on a pool and on io_uring.
#include "labs/06-hidden-threads/lab.h"
#include "labs/06-hidden-threads/our_loop.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::hidden_threads {

int workload(const Setting& setting) {
  const int64_t pool = setting.parameters.at("pool");
  // Options may start threads of their own, and so may io_uring.
  const NodeOptions node = {
      {}, {"UV_THREADPOOL_SIZE=" + std::to_string(pool), "UV_USE_IO_URING=0", "NODE_OPTIONS="}};
  return write_output(run_node(setting, node) + threads_of_our_loop(static_cast<unsigned>(pool)));
}

}  // namespace timeslice::labs::hidden_threads
