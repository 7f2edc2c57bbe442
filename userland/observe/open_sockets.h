// SPDX-License-Identifier: MIT
// Which sockets has a process open? Each descriptor's link under /proc/PID/fd names one by its
// inode. The links are read, never followed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace timeslice::observe {

struct OpenSockets {
  std::vector<uint64_t> inodes;  // in order, each once; TCP sockets and others
  bool complete = false;         // false: it has more descriptors than `most`
  bool known = false;            // false: it is gone, or may not be looked at
};

// Costs a system call for each of its descriptors.
OpenSockets open_sockets(uint32_t tgid, size_t most);

}  // namespace timeslice::observe
