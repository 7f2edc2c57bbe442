// SPDX-License-Identifier: MIT
// How long is each of V8's bytecodes? The interpreter's own table says it. Where it isn't exported
// it is searched for: it is the same at its beginning in all versions, and nothing else is like it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"

namespace timeslice::runtime {

class V8BytecodeSizes {
 public:
  V8BytecodeSizes() = default;  // knows none
  // Three sizes for each: with operands of one byte, of two, of four.
  explicit V8BytecodeSizes(std::vector<uint8_t> table) : table_(std::move(table)) {}
  static V8BytecodeSizes read(MemoryReader& memory, const ElfImage& image);

  [[nodiscard]] bool known() const { return !table_.empty(); }
  // Of the first of these bytecodes, with its prefix. Absent: there is none like it.
  [[nodiscard]] std::optional<uint64_t> at(std::span<const uint8_t> bytecodes) const;

 private:
  std::vector<uint8_t> table_;
};

}  // namespace timeslice::runtime
