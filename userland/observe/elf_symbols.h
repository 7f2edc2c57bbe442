// SPDX-License-Identifier: MIT
// At which addresses does a program keep the few objects that we look for? Read from its ELF symbol
// tables in one pass, which for Node's 100 MB takes five milliseconds; callers keep the answer.
// The file may be anybody's and made to do harm: how much is read, kept in memory and waited for
// has limits.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace timeslice::observe {

struct WantedSymbol {
  std::string_view name;  // as in the table, so mangled
  std::string_view file;  // for a static object: the source file it is from; empty: any
};

struct FoundSymbol {
  uint64_t address = 0;  // as linked; add the load base of a position-independent program
  uint64_t size = 0;     // bytes
};

struct ElfSymbols {
  // True for a shared object or a position-independent executable.
  bool relocated = false;
  uint64_t entry = 0;  // where it begins, as linked
  // Beside `wanted`; empty where the file hasn't got that symbol.
  std::vector<std::optional<FoundSymbol>> found;
};

// Absent if `fd` is not an ELF file of this machine's class and byte order, where it was cut short,
// or where it can't be read within five seconds. A table of more than 64 MiB is left out.
std::optional<ElfSymbols> find_symbols(int fd, std::span<const WantedSymbol> wanted);

}  // namespace timeslice::observe
