// SPDX-License-Identifier: MIT
// The same jobs three times: with one thread in the pool, with as many as the variant says, and
// with one for each job.
#include "base/failure.h"
#include "labs/09-pool/lab.h"
#include "labs/parts/few_cpus.h"
#include "labs/parts/node_program.h"
#include "labs/parts/output_lines.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::pool {

namespace {

std::string iterations_in(const std::string& output) {
  std::string iterations;
  for (auto& words : lines_after(output, "iterations")) words >> iterations;
  if (iterations.empty()) throw Failure("the lab's Node program didn't end well");
  return iterations;
}

}  // namespace

int workload(const Setting& setting) {
  const auto parameter = [&](const char* name) {
    return std::to_string(setting.parameters.at(name));
  };
  const auto run = [&](const char* name, const std::string& threads,
                       const std::string& iterations) {
    return run_node(setting, {{name, parameter("jobs"), iterations},
                              {"UV_THREADPOOL_SIZE=" + threads, "NODE_OPTIONS="}});
  };
  stay_on_few_cpus(setting.machine);
  std::string output = run("one", "1", "0");
  const std::string iterations = iterations_in(output);
  output += run("pool", parameter("pool"), iterations);
  output += run("each", parameter("jobs"), iterations);
  return write_output(output);
}

}  // namespace timeslice::labs::pool
