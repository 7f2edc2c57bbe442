// SPDX-License-Identifier: MIT
#include "observe/target_memory.h"

#include <sys/uio.h>

namespace timeslice::observe {

bool TargetMemory::read(uint64_t address, void* to, size_t bytes) {
  const iovec ours{to, bytes};
  const iovec theirs{reinterpret_cast<void*>(address), bytes};
  return process_vm_readv(static_cast<pid_t>(tgid_), &ours, 1, &theirs, 1, 0) ==
         static_cast<ssize_t>(bytes);
}

}  // namespace timeslice::observe
