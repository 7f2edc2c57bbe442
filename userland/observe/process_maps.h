// SPDX-License-Identifier: MIT
// What is mapped where in a process? One line of /proc/PID/maps each, as far as we need it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::observe {

struct Mapping {
  uint64_t start;
  uint64_t end;     // exclusive
  uint64_t offset;  // in the file
  uint64_t inode;   // 0: no file
  bool executable;
  std::string path;
};

// Empty where the process is gone or may not be looked at, or where the kernel writes more than 8
// MiB of it.
std::vector<Mapping> read_maps(uint32_t tgid);

}  // namespace timeslice::observe
