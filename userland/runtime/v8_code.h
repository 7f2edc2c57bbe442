// SPDX-License-Identifier: MIT
// Is an address in code of V8's? That is what it compiles itself (anonymous executable mappings),
// and its built-ins: a part of the program's own code, of which V8 maps a second copy near each
// range of compiled code (worker threads have ranges of their own). Whoever asks has read the
// process's mappings; nothing is looked up here.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"

namespace timeslice::runtime {

struct ExecutableMapping {
  uint64_t start = 0, end = 0;
  uint64_t file_offset = 0;
  bool of_image = false;   // of the file that V8 is in
  bool anonymous = false;  // of no file, and not the kernel's ([vdso])
};

struct CodeRange {
  uint64_t start = 0, end = 0;

  [[nodiscard]] bool contains(uint64_t address) const { return address >= start && address < end; }
  [[nodiscard]] bool empty() const { return start >= end; }
};

// Up to V8 12 the program exports where its built-ins are. Empty: it doesn't.
CodeRange exported_builtins(MemoryReader& memory, const ElfImage& image);

class V8Code {
 public:
  V8Code() = default;
  // `builtins`: where the program's own are, if it says so.
  explicit V8Code(const std::vector<ExecutableMapping>& mappings, CodeRange builtins = {});

  [[nodiscard]] bool contains(uint64_t address) const {
    return is_builtin(address) || is_compiled(address);
  }
  [[nodiscard]] bool is_builtin(uint64_t address) const;
  [[nodiscard]] bool is_compiled(uint64_t address) const;
  // In any of the mappings; code that isn't was mapped since.
  [[nodiscard]] bool is_mapped(uint64_t address) const;
  // Of an address in a copy of the built-ins, from their beginning.
  [[nodiscard]] std::optional<uint64_t> builtin_offset(uint64_t address) const;
  // The built-ins as the program's file has them; empty: not found.
  [[nodiscard]] CodeRange builtins() const {
    return builtins_.empty() ? CodeRange{} : builtins_[0];
  }

 private:
  std::vector<CodeRange> builtins_;  // the program's own ones first
  std::vector<CodeRange> compiled_;
  std::vector<CodeRange> mapped_;  // these and all others
};

}  // namespace timeslice::runtime
