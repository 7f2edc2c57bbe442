// SPDX-License-Identifier: MIT
// Is what we look for found in a program's symbol tables, and what does a file cost that was made
// to do harm? Files are made here section by section; each harmful one would cost minutes,
// gigabytes or the process if it were taken at its word.
#include "observe/elf_symbols.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "tests/catch.h"

using namespace timeslice;
using observe::ElfSymbols;
using observe::find_symbols;

namespace {

constexpr uint64_t kMiB = 1 << 20;

const observe::WantedSymbol kWanted[] = {{"start", ""}, {"cond", "pool.c"}};

struct Symbol {
  std::string name;
  uint64_t address;
  uint64_t size = 8;
  unsigned type = STT_OBJECT;
  unsigned binding = STB_LOCAL;
};

// The header and all section headers stand at its beginning, so they survive a cut.
class ElfFile {
 public:
  explicit ElfFile(uint16_t sections = 8) : fd_(memfd_create("elf", MFD_CLOEXEC)) {
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_version = EV_CURRENT;
    header.e_entry = 0x1234;
    header.e_shoff = header.e_ehsize = sizeof(header);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = sections;
    end_ = sizeof(header) + sections * sizeof(Elf64_Shdr);
    write();
  }
  void write() const { put(0, &header, sizeof(header)); }

  uint32_t add_section(uint32_t type, const void* data, uint64_t size, uint32_t link = 0) {
    const uint32_t number = add_header(type, end_, size, link);
    put(end_, data, size);
    end_ += size;
    return number;
  }
  // Of zeros, which take no room.
  uint32_t add_hole(uint32_t type, uint64_t size, uint32_t link = 0) {
    const uint32_t number = add_header(type, end_, size, link);
    end_ += size;
    REQUIRE(ftruncate(fd_.get(), static_cast<off_t>(end_)) == 0);
    return number;
  }
  void add_table(uint32_t type, const std::vector<Symbol>& symbols) {
    std::string names(1, '\0');
    std::vector<Elf64_Sym> table(1);
    for (const Symbol& symbol : symbols) {
      Elf64_Sym entry{};
      entry.st_name = static_cast<uint32_t>(names.size());
      entry.st_info = static_cast<unsigned char>(ELF64_ST_INFO(symbol.binding, symbol.type));
      entry.st_shndx = 1;
      entry.st_value = symbol.address;
      entry.st_size = symbol.size;
      table.push_back(entry);
      names += symbol.name + '\0';
    }
    const uint32_t strings = add_section(SHT_STRTAB, names.data(), names.size());
    add_section(type, table.data(), table.size() * sizeof(Elf64_Sym), strings);
  }

  [[nodiscard]] std::optional<ElfSymbols> look() const { return find_symbols(fd_.get(), kWanted); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] uint64_t size() const { return end_; }

  Elf64_Ehdr header{};

 private:
  uint32_t add_header(uint32_t type, uint64_t offset, uint64_t size, uint32_t link) {
    Elf64_Shdr section{};
    section.sh_type = type;
    section.sh_offset = offset;
    section.sh_size = size;
    section.sh_link = link;
    section.sh_addralign = 1;
    section.sh_entsize = type == SHT_STRTAB ? 0 : sizeof(Elf64_Sym);
    put(sizeof(header) + ++sections_ * sizeof(section), &section, sizeof(section));
    return sections_;
  }
  void put(uint64_t offset, const void* data, size_t size) const {
    REQUIRE(pwrite(fd_.get(), data, size, static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(size));
  }

  UniqueFd fd_;
  uint64_t end_ = 0;
  uint32_t sections_ = 0;  // the first header stays empty
};

const std::vector<Symbol> kLocals = {{"other.c", 0, 0, STT_FILE}, {"cond", 0x10},
                                     {"pool.c", 0, 0, STT_FILE},  {"second", 0x18},
                                     {"cond", 0x20, 48},          {"conditional", 0x30}};

bool found(const ElfSymbols& symbols, size_t which, uint64_t address, uint64_t size) {
  return symbols.found[which] && symbols.found[which]->address == address &&
         symbols.found[which]->size == size;
}

bool nothing_found(const std::optional<ElfSymbols>& symbols) {
  return !symbols || (!symbols->found[0] && !symbols->found[1]);
}

}  // namespace

TEST_CASE("symbols are found in both tables, static ones by their source file") {
  ElfFile file;
  file.add_table(SHT_DYNSYM, {{"star", 1}, {"started", 2}, {"start", 0x40, 0}, {"start", 0x50, 4}});
  file.add_table(SHT_SYMTAB, kLocals);
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK(symbols->relocated);
  CHECK(symbols->entry == 0x1234);
  CHECK(found(*symbols, 0, 0x50, 4));
  CHECK(found(*symbols, 1, 0x20, 48));
}

TEST_CASE("a table of more symbols than are read at once is read whole") {
  std::vector<Symbol> many(10000, {"filler", 1});
  many.push_back({"start", 0x60});
  many.insert(many.end(), 5000, {"filler", 1});
  many.insert(many.end(), kLocals.begin(), kLocals.end());
  ElfFile file;
  file.add_table(SHT_SYMTAB, many);
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK(found(*symbols, 0, 0x60, 8));
  CHECK(found(*symbols, 1, 0x20, 48));
}

TEST_CASE("a full symbol table with one global symbol of ours has all of them") {
  std::vector<Symbol> all = kLocals;
  all.push_back({"start", 0x60, 8, STT_FUNC, STB_GLOBAL});
  ElfFile file;
  file.add_table(SHT_SYMTAB, all);
  const uint32_t cut_short = file.add_hole(SHT_STRTAB, kMiB);
  const Elf64_Sym symbol{};
  file.add_section(SHT_DYNSYM, &symbol, sizeof(symbol), cut_short);
  REQUIRE(ftruncate(file.fd(), static_cast<off_t>(file.size() - sizeof(symbol))) == 0);
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK(found(*symbols, 0, 0x60, 8));
  CHECK(found(*symbols, 1, 0x20, 48));
}

TEST_CASE(
    "a name is found at the end of a longer one, at the table's beginning, and in two pieces") {
  const auto look = [](const std::string& names, uint64_t place) {
    ElfFile file;
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<uint32_t>(place);
    symbol.st_shndx = 1;
    symbol.st_size = 8;
    const uint32_t strings = file.add_section(SHT_STRTAB, names.data(), names.size());
    file.add_section(SHT_SYMTAB, &symbol, sizeof(symbol), strings);
    const auto symbols = file.look();
    return symbols && symbols->found[0];
  };
  const std::string start("start", 6);
  CHECK(look("re" + start, 2));
  CHECK_FALSE(look("re" + start, 0));
  CHECK(look(start, 0));
  CHECK_FALSE(look("start", 0));  // it doesn't end
  for (size_t before = 128 * 1024 - 8; before <= 128 * 1024 + 2; ++before) {
    INFO("after " << before << " bytes");
    CHECK(look(std::string(before, 'x') + start, before));
    CHECK_FALSE(look(std::string(before, 'x') + "tart", before));
  }
}

TEST_CASE("a table with implausibly many entries of one name is not trusted") {
  std::string names;
  for (int i = 0; i < 100'000; ++i) names += std::string("start", 6);
  Elf64_Sym symbol{};
  symbol.st_shndx = 1;
  symbol.st_size = 8;
  ElfFile file;
  const uint32_t strings = file.add_section(SHT_STRTAB, names.data(), names.size());
  file.add_section(SHT_SYMTAB, &symbol, sizeof(symbol), strings);
  CHECK_FALSE(file.look());
}

TEST_CASE("a file of another class, byte order or kind is not a program of this machine") {
  ElfFile file;
  file.add_table(SHT_DYNSYM, {{"start", 0x50}});
  REQUIRE(file.look());
  const auto spoilt = [&](int at, unsigned char value) {
    const unsigned char before = std::exchange(file.header.e_ident[at], value);
    file.write();
    const bool absent = !file.look();
    file.header.e_ident[at] = before;
    return absent;
  };
  CHECK(spoilt(EI_CLASS, ELFCLASS32));
  CHECK(spoilt(EI_DATA, ELFDATA2MSB));
  CHECK(spoilt(EI_MAG0, '#'));
}

TEST_CASE("a table of gigabytes is left out, and the other one still read") {
  ElfFile file;
  const uint32_t strings = file.add_section(SHT_STRTAB, "\0start", 7);
  file.add_hole(SHT_SYMTAB, 4800 * kMiB / sizeof(Elf64_Sym) * sizeof(Elf64_Sym), strings);
  file.add_table(SHT_DYNSYM, {{"start", 0x50}});
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK(found(*symbols, 0, 0x50, 8));
}

TEST_CASE("names of gigabytes are left out") {
  ElfFile file;
  const uint32_t strings = file.add_hole(SHT_STRTAB, 4800 * kMiB);
  const Elf64_Sym symbol{};
  file.add_section(SHT_SYMTAB, &symbol, sizeof(symbol), strings);
  file.add_table(SHT_DYNSYM, {{"start", 0x50}});
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK(found(*symbols, 0, 0x50, 8));
}

TEST_CASE("of many tables of one type one is read, and a file of very many sections not at all") {
  ElfFile file(12);
  file.add_table(SHT_SYMTAB, kLocals);
  file.add_table(SHT_SYMTAB, {{"start", 0x70}});
  const auto symbols = file.look();
  REQUIRE(symbols);
  CHECK_FALSE(symbols->found[0]);
  CHECK(found(*symbols, 1, 0x20, 48));

  ElfFile crowd(65000);
  crowd.add_table(SHT_SYMTAB, {{"start", 0x70}});
  CHECK_FALSE(crowd.look());
}

TEST_CASE("an unterminated name costs no more than the one it is compared with") {
  ElfFile file;
  const std::string endless(16 * kMiB, 's');
  const uint32_t strings = file.add_section(SHT_STRTAB, endless.data(), endless.size());
  Elf64_Sym symbol{};
  symbol.st_shndx = 1;
  symbol.st_size = 8;
  symbol.st_info = STT_FILE;
  const std::vector<Elf64_Sym> table(1'000'000, symbol);
  file.add_section(SHT_SYMTAB, table.data(), table.size() * sizeof(symbol), strings);
  CHECK(nothing_found(file.look()));
}

TEST_CASE("a truncated file yields nothing") {
  ElfFile file;
  file.add_table(SHT_DYNSYM, {{"start", 0x50}});
  file.add_table(SHT_SYMTAB, kLocals);
  REQUIRE(file.look());
  for (uint64_t size = file.size(); size-- > 0;) {
    REQUIRE(ftruncate(file.fd(), static_cast<off_t>(size)) == 0);
    if (!file.look()) continue;
    FAIL("cut to " << size << " bytes it was taken as whole");
  }
}

TEST_CASE("a file that is truncated while being read crashes nothing") {
  ElfFile file;
  const uint32_t strings = file.add_hole(SHT_STRTAB, kMiB);
  file.add_hole(SHT_SYMTAB, 512 * 1024 * sizeof(Elf64_Sym), strings);
  std::atomic<bool> through = false;
  std::atomic<int> cuts = 0;
  std::thread owner([&] {
    while (!through) {
      // Its headers stay, so that it is taken for whole at first.
      if (ftruncate(file.fd(), 4096) == 0) ++cuts;
      if (ftruncate(file.fd(), static_cast<off_t>(file.size())) != 0) break;
    }
  });
  bool nothing = true;
  for (int looks = 0; looks < 100 || cuts < 100; ++looks) nothing &= nothing_found(file.look());
  through = true;
  owner.join();
  CHECK(nothing);
}
