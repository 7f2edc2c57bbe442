// SPDX-License-Identifier: MIT
#include "observe/process_maps.h"

#include <cinttypes>
#include <cstdio>
#include <fstream>

namespace timeslice::observe {

std::vector<Mapping> read_maps(uint32_t tgid) {
  std::vector<Mapping> maps;
  std::ifstream file("/proc/" + std::to_string(tgid) + "/maps");
  for (std::string line; std::getline(file, line);) {
    Mapping map{};
    int path_at = 0;
    // start-end perms offset device inode path
    if (sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64 " %n",
               &map.start, &map.end, &map.offset, &map.inode, &path_at) < 4)
      continue;
    if (path_at > 0) map.path = line.substr(static_cast<size_t>(path_at));
    maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace timeslice::observe
