// SPDX-License-Identifier: MIT
#include "observe/elf_symbols.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <chrono>
#include <cstring>
#include <utility>

namespace timeslice::observe {

namespace {

// Node 20 has 41 sections, 110,000 symbols and 7.5 MB of their names; ten times that is a debug
// build's.
constexpr size_t kMostSections = 4096;
constexpr uint64_t kMostSymbolBytes = 64 << 20;
constexpr uint64_t kMostNameBytes = 96 << 20;
constexpr size_t kSymbolsAtOnce = 4096;
constexpr size_t kNamesAtOnce = 128 << 10;  // bytes; stays in a core's cache
constexpr size_t kMostPlaces = 1 << 16;
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

// Where in a table of names does each of a few stand? The table is by far the largest thing here:
// it goes through one piece of memory, and is looked at once, where names end. A name may be the
// end of a longer one, for linkers share them, so any of them may stand at several places.
class Places {
 public:
  explicit Places(std::vector<std::string_view> names) : names_(std::move(names)) {
    for (const std::string_view name : names_) longest_ = std::max(longest_, name.size());
    for (size_t i = 0; i < names_.size(); ++i)
      if (!names_[i].empty()) by_last_[static_cast<unsigned char>(names_[i].back())].push_back(i);
  }

  // False: it couldn't be read, or has more places than any program.
  [[nodiscard]] bool read(const Reader& file, const Elf64_Shdr& section) {
    places_.clear();
    may_be_.reset();
    if (longest_ == 0) return true;
    // Before each piece stands the end of the one before; before the first, zeroes, as no name has.
    std::vector<char> piece(longest_ + kNamesAtOnce);
    for (uint64_t done = 0; done < section.sh_size; done += kNamesAtOnce) {
      const size_t size = std::min<uint64_t>(section.sh_size - done, kNamesAtOnce);
      char* const at = piece.data() + longest_;
      if (!file.read(section.sh_offset + done, at, size)) return false;
      look_through({piece.data(), longest_ + size}, done);
      if (places_.size() > kMostPlaces) return false;
      memmove(piece.data(), piece.data() + size, longest_);
    }
    std::sort(places_.begin(), places_.end());
    return true;
  }

  // Does names[which] stand at `place`?
  [[nodiscard]] bool at(uint32_t place, size_t which) const {
    return std::binary_search(places_.begin(), places_.end(), Place{place, which});
  }
  [[nodiscard]] bool any_at(uint32_t place) const {
    if (!may_be_[place % may_be_.size()]) return false;
    const auto found = std::lower_bound(places_.begin(), places_.end(), Place{place, 0});
    return found != places_.end() && found->first == place;
  }

 private:
  using Place = std::pair<uint64_t, size_t>;  // from the table's beginning, and whose

  void add(uint64_t place, size_t which) {
    places_.emplace_back(place, which);
    may_be_[place % may_be_.size()] = true;
  }
  // `piece` begins longest_ bytes before `offset`.
  void look_through(std::string_view piece, uint64_t offset) {
    for (size_t end = piece.find('\0', longest_); end != std::string_view::npos;
         end = piece.find('\0', end + 1)) {
      for (const size_t which : by_last_[static_cast<unsigned char>(piece[end - 1])]) {
        const std::string_view name = names_[which];
        const char* const start = piece.data() + end - name.size();
        if (*start == name.front() && memcmp(start, name.data(), name.size()) == 0)
          add(offset + end - longest_ - name.size(), which);
      }
    }
  }

  std::vector<std::string_view> names_;
  std::array<std::vector<size_t>, 256> by_last_;  // of a name's bytes
  size_t longest_ = 0;
  std::vector<Place> places_;
  std::bitset<8192> may_be_;  // of places modulo its size: what most symbols are told apart by
};

class Search {
 public:
  Search(std::span<const WantedSymbol> wanted, ElfSymbols& symbols)
      : wanted_(wanted), symbols_(symbols), places_(names_of(wanted)) {}

  [[nodiscard]] bool read_names(const Reader& file, const Elf64_Shdr& strings) {
    source_file_ = 0;
    return places_.read(file, strings);
  }

  // Local symbols follow the FILE entry of the source they came from.
  void take(const Elf64_Sym& symbol) {
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FILE) source_file_ = symbol.st_name;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0) return;
    if (!places_.any_at(symbol.st_name)) return;
    for (size_t w = 0; w < wanted_.size(); ++w) {
      if (symbols_.found[w] || !places_.at(symbol.st_name, w)) continue;
      if (!wanted_[w].file.empty() && !places_.at(source_file_, wanted_.size() + w)) continue;
      symbols_.found[w] = FoundSymbol{symbol.st_value, symbol.st_size};
      any_global_ |= ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL;
    }
  }
  [[nodiscard]] bool any_global() const { return any_global_; }

 private:
  // Of the symbols, then of their files.
  static std::vector<std::string_view> names_of(std::span<const WantedSymbol> wanted) {
    std::vector<std::string_view> names;
    for (const WantedSymbol& symbol : wanted) names.push_back(symbol.name);
    for (const WantedSymbol& symbol : wanted) names.push_back(symbol.file);
    return names;
  }

  std::span<const WantedSymbol> wanted_;
  ElfSymbols& symbols_;
  Places places_;
  uint32_t source_file_ = 0;
  bool any_global_ = false;
};

// False: it couldn't be read.
bool search(const Reader& file, const Elf64_Shdr& table, const Elf64_Shdr& strings, Search& found) {
  if (!found.read_names(file, strings)) return false;
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
  Search found(wanted, symbols);
  for (const uint32_t type : {uint32_t{SHT_SYMTAB}, uint32_t{SHT_DYNSYM}}) {
    const Elf64_Shdr* table = table_of(sections, type);
    if (!table || found.any_global()) continue;  // then the table of all has its dynamic ones, too
    if (!search(file, *table, sections[table->sh_link], found)) return std::nullopt;
  }
  return symbols;
}

}  // namespace timeslice::observe
