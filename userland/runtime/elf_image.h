// SPDX-License-Identifier: MIT
// Where does a program, or a library that it has loaded, keep what it exports? Asked of the image
// in the process's memory, whose loader needs the very table: so no file is opened, whatever stands
// at its path by now, and a stripped program has it as well. Objects and functions that it doesn't
// export aren't in there.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_reader.h"

namespace timeslice::runtime {

struct Symbol {
  uint64_t address = 0;  // in the process
  uint64_t size = 0;     // bytes
};

class ElfImage {
 public:
  // Loaded at `base`, where its file's first page is mapped. Absent where there is no image of
  // this machine's class and byte order, or where it has no table by hash (DT_GNU_HASH).
  static std::optional<ElfImage> at(MemoryReader& memory, uint64_t base);

  // A defined symbol's first version. Looks at so many candidates at most, then there is none.
  [[nodiscard]] std::optional<Symbol> find(MemoryReader& memory, std::string_view name) const;
  // The code of a function: its first bytes, so many at most; empty where it isn't exported.
  [[nodiscard]] std::vector<uint8_t> code(MemoryReader& memory, std::string_view name,
                                          size_t at_most) const;

  // How far from where it was linked it lies.
  [[nodiscard]] uint64_t bias() const { return bias_; }
  // A thread's own data of the program itself (PT_TLS): bytes, up to its alignment. Below the
  // thread pointer. 0: it has none.
  [[nodiscard]] uint64_t thread_data_size() const { return thread_data_size_; }

 private:
  struct Hash {
    uint32_t buckets = 0, first_symbol = 0, filter_words = 0;
    uint64_t address = 0;  // of the table's header
  };

  bool read_dynamic(MemoryReader& memory, uint64_t address, uint64_t bytes);
  bool read_hash(MemoryReader& memory);
  [[nodiscard]] std::optional<Symbol> symbol(MemoryReader& memory, uint32_t index,
                                             std::string_view name) const;

  uint64_t bias_ = 0;
  uint64_t lowest_ = 0, end_ = 0;  // in the process
  uint64_t symbols_ = 0, names_ = 0, names_size_ = 0;
  Hash hash_;
  uint64_t thread_data_size_ = 0;
};

}  // namespace timeslice::runtime
