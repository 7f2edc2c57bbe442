// SPDX-License-Identifier: MIT
#include "labs/parts/rounds.h"

#include <sstream>

namespace timeslice::labs {

void say_round(std::string& output, const std::string& name, const Round& round) {
  output += "round " + name + ' ' + std::to_string(round.begin_ns) + ' ' +
            std::to_string(round.end_ns) + '\n';
}

std::optional<Round> round_in(const std::string& output, const std::string& name) {
  std::istringstream lines(output);
  std::string word, found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Round round;
    if (words >> word >> found >> round.begin_ns >> round.end_ns && word == "round" &&
        found == name && round.begin_ns < round.end_ns)
      return round;
  }
  return std::nullopt;
}

}  // namespace timeslice::labs
