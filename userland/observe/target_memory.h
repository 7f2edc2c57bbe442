// SPDX-License-Identifier: MIT
// What is in a live process's memory? Read by process_vm_readv, which neither stops the process nor
// leaves a trace in it. It takes ptrace rights.
#pragma once
#include <cstdint>

#include "base/memory_reader.h"

namespace timeslice::observe {

class TargetMemory : public MemoryReader {
 public:
  explicit TargetMemory(uint32_t tgid) : tgid_(tgid) {}
  // False as well where the process is gone or may not be looked at.
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override;
  [[nodiscard]] bool read_parts(std::span<const MemoryPart> parts) override;

 private:
  uint32_t tgid_;
};

}  // namespace timeslice::observe
