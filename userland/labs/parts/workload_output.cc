// SPDX-License-Identifier: MIT
#include "labs/parts/workload_output.h"

#include <cstdlib>
#include <fstream>

namespace timeslice::labs {

int write_output(const std::string& output) {
  const char* path = std::getenv(kOutputVariable);
  if (!path) return 1;
  std::ofstream file(path, std::ios::binary);
  file << output;
  file.close();
  return file ? 0 : 1;
}

}  // namespace timeslice::labs
