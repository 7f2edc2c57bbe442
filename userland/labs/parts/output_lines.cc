// SPDX-License-Identifier: MIT
#include "labs/parts/output_lines.h"

namespace timeslice::labs {

std::vector<std::istringstream> lines_after(const std::string& output,
                                            const std::string& beginning) {
  std::vector<std::istringstream> found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(beginning + ' ', 0) == 0) found.emplace_back(line.substr(beginning.size() + 1));
  return found;
}

}  // namespace timeslice::labs
