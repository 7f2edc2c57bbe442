// SPDX-License-Identifier: MIT
// The same jobs three times: with one thread in the pool, with as many as the variant says, and
// with one for each job.
#include <sched.h>

#include "base/failure.h"
#include "labs/09-pool/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::pool {

namespace {

void use_cpus(const std::vector<uint32_t>& cpus, int64_t count) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  for (int64_t i = 0; i < count; ++i) CPU_SET(cpus.at(static_cast<size_t>(i)), &allowed);
  if (sched_setaffinity(0, sizeof(allowed), &allowed) != 0)
    throw Failure("cannot choose the CPUs that the lab's program may use");
}

std::string iterations_in(const std::string& output) {
  const size_t at = output.find("iterations ");
  if (at == std::string::npos) throw Failure("the lab's Node program didn't end well");
  return output.substr(at + 11, output.find('\n', at) - at - 11);
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
  use_cpus(setting.machine.cpus, setting.parameters.at("cpus"));
  std::string output = run("one", "1", "0");
  const std::string iterations = iterations_in(output);
  output += run("pool", parameter("pool"), iterations);
  output += run("each", parameter("jobs"), iterations);
  return write_output(output);
}

}  // namespace timeslice::labs::pool
