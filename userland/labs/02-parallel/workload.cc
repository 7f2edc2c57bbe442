// SPDX-License-Identifier: MIT
// Three programs compute: first all of them on one CPU, then on two.
#include "labs/02-parallel/lab.h"
#include "labs/parts/programs.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::parallel {

int workload(const Setting& setting) {
  const auto compute = [&] { compute_ms(setting.parameters.at("ms")); };
  const std::vector<uint32_t> one = {setting.machine.cpus.at(0)},
                              two = {setting.machine.cpus.at(0), setting.machine.cpus.at(1)};
  std::string output;
  say_round(
      output, "one",
      run_together({{"lab-A", one, compute}, {"lab-B", one, compute}, {"lab-C", one, compute}}));
  say_round(
      output, "two",
      run_together({{"lab-A", two, compute}, {"lab-B", two, compute}, {"lab-C", two, compute}}));
  return write_output(output);
}

}  // namespace timeslice::labs::parallel
