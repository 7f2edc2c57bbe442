// SPDX-License-Identifier: MIT
// Which probe points does a program have? As its notes name them (userland/loop/core/probe.h tells
// the format), read here by libelf alone, so that nothing of what wrote them is trusted.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::live {

struct UsdtNote {
  std::string provider, name, arguments;
  uint64_t base, semaphore;
  std::string code;  // the bytes at the probe's address, 16 at most
};

struct UsdtNotes {
  uint64_t base = 0;  // where .stapsdt.base was put; 0: nowhere
  std::vector<UsdtNote> notes;

  [[nodiscard]] std::vector<UsdtNote> named(const std::string& name) const;
};

// Throws std::runtime_error where the file is no ELF file, or a note isn't as it should be.
UsdtNotes usdt_notes(const std::string& path);

}  // namespace timeslice::live
