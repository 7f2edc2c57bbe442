// SPDX-License-Identifier: MIT
// Is the program, which runs as root, built so that a flaw in it is hard to use? The file itself is
// asked, not the flags it was built with.
#include <elf.h>

#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

struct Program {
  explicit Program(const std::string& path) : bytes(read_file(path)) {
    REQUIRE(bytes.size() > sizeof(Elf64_Ehdr));
    header = at<Elf64_Ehdr>(0);
    REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
    for (int i = 0; i < header.e_phnum; ++i)
      segments.push_back(
          at<Elf64_Phdr>(header.e_phoff + static_cast<size_t>(i) * sizeof(Elf64_Phdr)));
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_type != PT_DYNAMIC) continue;
      for (size_t done = 0; done < segment.p_filesz; done += sizeof(Elf64_Dyn)) {
        const auto entry = at<Elf64_Dyn>(segment.p_offset + done);
        dynamic[entry.d_tag] = entry.d_un.d_val;
      }
    }
  }
  template <typename Type>
  [[nodiscard]] Type at(size_t offset) const {
    REQUIRE(offset + sizeof(Type) <= bytes.size());
    Type value;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  }
  // Where the byte at `address` of the running program stands in the file.
  [[nodiscard]] size_t offset_of(uint64_t address) const {
    for (const Elf64_Phdr& one : segments)
      if (one.p_type == PT_LOAD && address >= one.p_vaddr && address - one.p_vaddr < one.p_filesz)
        return one.p_offset + (address - one.p_vaddr);
    return bytes.size();
  }
  // The names that it has in common with its libraries.
  [[nodiscard]] std::set<std::string> names() const {
    const size_t begin = offset_of(dynamic.at(DT_STRTAB)), size = dynamic.at(DT_STRSZ);
    REQUIRE(begin + size <= bytes.size());
    std::set<std::string> all;
    for (size_t at = begin; at < begin + size; at += std::strlen(&bytes[at]) + 1)
      all.emplace(&bytes[at]);
    return all;
  }
  [[nodiscard]] const Elf64_Phdr* segment(uint32_t type) const {
    for (const Elf64_Phdr& one : segments)
      if (one.p_type == type) return &one;
    return nullptr;
  }

  std::string bytes;
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::map<int64_t, uint64_t> dynamic;
};

}  // namespace

TEST_CASE(
    "the program is position-independent, its relocations are read-only, and no data is "
    "executable") {
  Program program(timeslice());
  CHECK(program.header.e_type == ET_DYN);
  CHECK((program.dynamic[DT_FLAGS_1] & DF_1_PIE) != 0);
  CHECK((program.dynamic[DT_FLAGS_1] & DF_1_NOW) != 0);
  CHECK(program.segment(PT_GNU_RELRO) != nullptr);
  const Elf64_Phdr* stack = program.segment(PT_GNU_STACK);
  REQUIRE(stack != nullptr);
  CHECK((stack->p_flags & PF_X) == 0);
  for (const Elf64_Phdr& segment : program.segments)
    CHECK((segment.p_flags & (PF_W | PF_X)) != (PF_W | PF_X));
  CHECK(program.dynamic.count(DT_TEXTREL) == 0);
}

// Where stack, string functions and containers are checked, a failed check calls one of these.
TEST_CASE("the program has stack protectors, and checked string functions and containers") {
  const std::set<std::string> names = Program(timeslice()).names();
  CHECK(names.count("__stack_chk_fail") == 1);
  CHECK(names.count("__read_chk") + names.count("__memcpy_chk") + names.count("__snprintf_chk") >
        0);
  CHECK(names.count("_ZSt21__glibcxx_assert_failPKciS0_S0_") == 1);
}

}  // namespace timeslice::live
