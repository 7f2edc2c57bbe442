// SPDX-License-Identifier: MIT
#include "observe/elf_symbols.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <memory>

namespace timeslice::observe {

namespace {

// Node 20 has 41 sections, 110,000 symbols and 7.5 MB of their names; ten times that is a debug
// build's.
constexpr size_t kMostSections = 4096;
constexpr uint64_t kMostSymbolBytes = 64 << 20;
constexpr uint64_t kMostNameBytes = 96 << 20;
constexpr size_t kSymbolsAtOnce = 4096;
constexpr std::chrono::seconds kPatience{5};

constexpr unsigned char kHostOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

// The file's owner may write to it and cut it short meanwhile. So nothing is mapped, and what
// couldn't be read whole, or in time, is absent.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}

  [[nodiscard]] bool read(uint64_t offset, void* to, size_t size) const {
    auto* at = static_cast<char*>(to);
    while (size > 0) {
      if (std::chrono::steady_clock::now() > deadline_) return false;
      const ssize_t got = pread(fd_, at, size, static_cast<off_t>(offset));
      if (got <= 0) return false;
      at += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<size_t>(got);
    }
    return true;
  }

 private:
  int fd_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + kPatience;
};

// What a table's symbols are called. Names are compared, never measured: one without an end would
// be measured anew for each symbol that claims to have it.
class Names {
 public:
  [[nodiscard]] bool read(const Reader& file, const Elf64_Shdr& section) {
    size_ = section.sh_size;
    bytes_ = std::make_unique_for_overwrite<char[]>(size_);
    return file.read(section.sh_offset, bytes_.get(), size_);
  }
  [[nodiscard]] bool is(uint32_t name, std::string_view wanted) const {
    if (name >= size_ || wanted.size() >= size_ - name) return false;
    const char* at = bytes_.get() + name;
    return memcmp(at, wanted.data(), wanted.size()) == 0 && at[wanted.size()] == '\0';
  }

 private:
  uint64_t size_ = 0;
  std::unique_ptr<char[]> bytes_;
};

class Search {
 public:
  Search(const Names& names, std::span<const WantedSymbol> wanted, ElfSymbols& symbols)
      : names_(names), wanted_(wanted), symbols_(symbols) {}

  // Local symbols follow the FILE entry of the source they came from.
  void take(const Elf64_Sym& symbol) {
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE) source_file_ = symbol.st_name;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0) return;
    for (size_t w = 0; w < wanted_.size(); ++w) {
      if (symbols_.found[w] || !names_.is(symbol.st_name, wanted_[w].name)) continue;
      if (!wanted_[w].file.empty() && !names_.is(source_file_, wanted_[w].file)) continue;
      symbols_.found[w] = FoundSymbol{symbol.st_value, symbol.st_size};
    }
  }

 private:
  const Names& names_;
  std::span<const WantedSymbol> wanted_;
  ElfSymbols& symbols_;
  uint32_t source_file_ = 0;
};

bool search(const Reader& file, const Elf64_Shdr& table, const Elf64_Shdr& strings,
            std::span<const WantedSymbol> wanted, ElfSymbols& symbols) {
  Names names;
  if (!names.read(file, strings)) return false;
  Search found(names, wanted, symbols);
  std::vector<Elf64_Sym> some(kSymbolsAtOnce);
  const uint64_t count = table.sh_size / sizeof(Elf64_Sym);
  for (uint64_t done = 0; done < count; done += some.size()) {
    some.resize(std::min<uint64_t>(count - done, kSymbolsAtOnce));
    if (!file.read(table.sh_offset + done * sizeof(Elf64_Sym), some.data(),
                   some.size() * sizeof(Elf64_Sym)))
      return false;
    for (const Elf64_Sym& symbol : some) found.take(symbol);
  }
  return true;
}

bool is_of_this_machine(const Elf64_Ehdr& header) {
  return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == kHostOrder;
}

// False: there are too many, or they couldn't be read.
bool read_sections(const Reader& file, const Elf64_Ehdr& header,
                   std::vector<Elf64_Shdr>& sections) {
  if (header.e_shnum == 0) return true;
  if (header.e_shnum > kMostSections || header.e_shentsize != sizeof(Elf64_Shdr)) return false;
  sections.resize(header.e_shnum);
  return file.read(header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr));
}

// A program has one table of each type; a second one isn't read. Nor is one that is too large.
const Elf64_Shdr* table_of(const std::vector<Elf64_Shdr>& sections, uint32_t type) {
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != type) continue;
    const bool readable =
        section.sh_entsize == sizeof(Elf64_Sym) && section.sh_size <= kMostSymbolBytes &&
        section.sh_link < sections.size() && sections[section.sh_link].sh_size <= kMostNameBytes;
    return readable ? &section : nullptr;
  }
  return nullptr;
}

}  // namespace

std::optional<ElfSymbols> find_symbols(int fd, std::span<const WantedSymbol> wanted) {
  const Reader file(fd);
  Elf64_Ehdr header;
  std::vector<Elf64_Shdr> sections;
  if (!file.read(0, &header, sizeof(header)) || !is_of_this_machine(header) ||
      !read_sections(file, header, sections))
    return std::nullopt;
  ElfSymbols symbols;
  symbols.relocated = header.e_type == ET_DYN;
  symbols.entry = header.e_entry;
  symbols.found.resize(wanted.size());
  for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB}) {
    const Elf64_Shdr* table = table_of(sections, type);
    if (table && !search(file, *table, sections[table->sh_link], wanted, symbols))
      return std::nullopt;
  }
  return symbols;
}

}  // namespace timeslice::observe
