// SPDX-License-Identifier: MIT
#include "observe/target_memory.h"

#include <sys/uio.h>

#include <array>

namespace timeslice::observe {

bool TargetMemory::read(uint64_t address, void* to, size_t bytes) {
  const MemoryPart part{address, to, bytes};
  return read_parts({&part, 1});
}

bool TargetMemory::read_parts(std::span<const MemoryPart> parts) {
  constexpr size_t kAtOnce = 8;
  std::array<iovec, kAtOnce> ours, theirs;
  if (parts.size() > kAtOnce)
    return read_parts(parts.first(kAtOnce)) && read_parts(parts.subspan(kAtOnce));
  size_t bytes = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    ours[i] = {parts[i].to, parts[i].bytes};
    theirs[i] = {reinterpret_cast<void*>(parts[i].address), parts[i].bytes};
    bytes += parts[i].bytes;
  }
  return process_vm_readv(static_cast<pid_t>(tgid_), ours.data(), parts.size(), theirs.data(),
                          parts.size(), 0) == static_cast<ssize_t>(bytes);
}

}  // namespace timeslice::observe
