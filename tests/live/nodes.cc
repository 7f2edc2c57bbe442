// SPDX-License-Identifier: MIT
#include "tests/live/nodes.h"

#include <cstdlib>
#include <sstream>

#include "tests/live/processes.h"

namespace timeslice::live {

std::vector<std::string> nodes() {
  std::vector<std::string> paths;
  if (run({"node", "--version"}).status == 0) paths.emplace_back("node");
  const char* more = std::getenv("NODES");
  std::istringstream rest(more ? more : "");
  for (std::string path; std::getline(rest, path, ':');) paths.push_back(path);
  return paths;
}

}  // namespace timeslice::live
