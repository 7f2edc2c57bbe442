// SPDX-License-Identifier: MIT
// Memory of a process that never was, and an ELF image in it that exports some functions.
#pragma once
#include <elf.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/memory_reader.h"

namespace made_up {

// Blocks of bytes; what lies between them can't be read.
class Memory : public timeslice::MemoryReader {
 public:
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    if (bytes == 0) return true;
    bytes_read += bytes;
    auto block = blocks_.upper_bound(address);
    if (block == blocks_.begin()) return false;
    --block;
    const uint64_t offset = address - block->first;
    if (offset > block->second.size() || bytes > block->second.size() - offset) return false;
    std::memcpy(to, block->second.data() + offset, bytes);
    return true;
  }

  std::vector<uint8_t>& block(uint64_t address, size_t bytes) {
    return blocks_[address] = std::vector<uint8_t>(bytes);
  }
  void put(uint64_t address, const void* what, size_t bytes) {
    if (bytes == 0) return;
    auto block = blocks_.upper_bound(address);
    --block;
    std::memcpy(block->second.data() + (address - block->first), what, bytes);
  }
  template <typename T>
  void put(uint64_t address, const T& value) {
    put(address, &value, sizeof(value));
  }

  uint64_t bytes_read = 0;

 private:
  std::map<uint64_t, std::vector<uint8_t>> blocks_;
};

using Code = std::vector<uint8_t>;

struct Image {
  // Position-independent and linked at 0, or linked where it lies.
  enum class Kind { shared, fixed };

  Image(Memory& where, uint64_t address, Kind what = Kind::shared)
      : memory(where), base(address), link_base(what == Kind::shared ? 0 : address) {}

  void add(const std::string& name, const Code& code) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<Elf64_Word>(names.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
    symbol.st_shndx = 1;
    symbol.st_value = link_base + kCode + text.size();
    symbol.st_size = code.size();
    symbols.push_back(symbol);
    hashes.push_back(hash(name));
    names += name + '\0';
    text.insert(text.end(), code.begin(), code.end());
    text.resize((text.size() + 15) / 16 * 16, 0xcc);
  }

  // One bucket, in which all symbols are. `relocated`: as glibc's loader leaves the dynamic
  // section.
  void load(bool relocated = true) {
    memory.block(base, kSize);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 3;
    memory.put(base, header);
    Elf64_Phdr segments[3]{};
    segments[0].p_type = PT_LOAD;
    segments[0].p_vaddr = link_base;
    segments[0].p_memsz = kSize;
    segments[1].p_type = PT_DYNAMIC;
    segments[1].p_vaddr = link_base + kDynamic;
    segments[1].p_memsz = 5 * sizeof(Elf64_Dyn);
    segments[2].p_type = PT_TLS;
    segments[2].p_memsz = 20;
    segments[2].p_align = 16;
    memory.put(base + sizeof(header), segments);
    const uint64_t moved = relocated ? base : link_base;
    const Elf64_Dyn dynamic[5] = {{DT_SYMTAB, {moved + kSymbols}},
                                  {DT_STRTAB, {moved + kNames}},
                                  {DT_STRSZ, {names.size()}},
                                  {DT_GNU_HASH, {moved + kHash}},
                                  {DT_NULL, {0}}};
    memory.put(base + kDynamic, dynamic);
    memory.put(base + kSymbols + sizeof(Elf64_Sym), symbols.data(),
               symbols.size() * sizeof(Elf64_Sym));
    memory.put(base + kNames, names.data(), names.size());
    memory.put(base + kCode, text.data(), text.size());
    const uint32_t table[] = {1, 1, 1, 0, 0xffffffff, 0xffffffff, 1};
    memory.put(base + kHash, table);
    for (size_t i = 0; i < hashes.size(); ++i) {
      const uint32_t last = i + 1 == hashes.size();
      memory.put(base + kHash + sizeof(table) + 4 * i, (hashes[i] & ~1U) | last);
    }
  }

  static uint32_t hash(const std::string& name) {
    uint32_t value = 5381;
    for (const char c : name) value = value * 33 + static_cast<unsigned char>(c);
    return value;
  }

  static constexpr uint64_t kDynamic = 0x1000, kSymbols = 0x2000, kNames = 0x4000, kHash = 0x6000,
                            kCode = 0x8000, kSize = 0x10000;
  Memory& memory;
  uint64_t base, link_base;
  std::vector<Elf64_Sym> symbols;
  std::vector<uint32_t> hashes;
  std::string names = std::string(1, '\0');
  Code text;
};

}  // namespace made_up
