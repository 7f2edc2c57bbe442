// SPDX-License-Identifier: MIT
// Which threads have the programs that a process has started, and theirs, and for how long have
// they run? By /proc, at this moment.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::labs {

struct LiveThread {
  uint32_t tid = 0;
  std::string name;        // printable
  uint32_t cpu = 0;        // on which it was last
  uint64_t ran_ns = 0;     // on a CPU, since it began
  uint64_t waited_ns = 0;  // for one
};

// Of the children of `parent` but `except`, and of all their descendants. Whoever ends meanwhile is
// left out.
std::vector<LiveThread> live_threads(pid_t parent, pid_t except);

}  // namespace timeslice::labs
