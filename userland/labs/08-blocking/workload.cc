// SPDX-License-Identifier: MIT
// A Node program whose loop is blocked once. Lanes are shown of each part, and of what is around
// it.
#include <sstream>

#include "labs/08-blocking/lab.h"
#include "labs/parts/node_program.h"
#include "labs/parts/rounds.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::blocking {

int workload(const Setting& setting) {
  constexpr uint64_t kAround = 60'000'000;  // ns
  const std::string block = std::to_string(setting.parameters.at("block"));
  std::string output = run_node(setting, {{block}, {"NODE_OPTIONS="}});
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, name;
    Round part;
    if (words >> word >> name >> part.begin_ns >> part.end_ns && word == "part")
      say_round(output, name, {part.begin_ns - kAround, part.end_ns + kAround});
  }
  return write_output(output);
}

}  // namespace timeslice::labs::blocking
