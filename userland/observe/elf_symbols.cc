// SPDX-License-Identifier: MIT
#include "observe/elf_symbols.h"

#include <gelf.h>
#include <libelf.h>

#include <memory>

namespace timeslice::observe {

namespace {

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};

// One table: local symbols follow the FILE entry of the source they came from.
void search(Elf* elf, Elf_Scn* section, const GElf_Shdr& header,
            std::span<const WantedSymbol> wanted, ElfSymbols& symbols) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (!data || header.sh_entsize == 0) return;
  std::string_view source_file;
  const auto entries = static_cast<int>(header.sh_size / header.sh_entsize);
  for (int i = 0; i < entries; ++i) {
    GElf_Sym symbol;
    if (!gelf_getsym(data, i, &symbol)) return;
    const char* raw = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (!raw) continue;
    if (GELF_ST_TYPE(symbol.st_info) == STT_FILE) source_file = raw;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0) continue;
    for (size_t w = 0; w < wanted.size(); ++w) {
      if (symbols.found[w] || wanted[w].name != raw) continue;
      if (!wanted[w].file.empty() && wanted[w].file != source_file) continue;
      symbols.found[w] = FoundSymbol{symbol.st_value, symbol.st_size};
    }
  }
}

}  // namespace

std::optional<ElfSymbols> find_symbols(int fd, std::span<const WantedSymbol> wanted) {
  static const bool ready = elf_version(EV_CURRENT) != EV_NONE;
  if (!ready) return std::nullopt;
  const std::unique_ptr<Elf, ElfCloser> elf(elf_begin(fd, ELF_C_READ_MMAP, nullptr));
  GElf_Ehdr file;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || !gelf_getehdr(elf.get(), &file))
    return std::nullopt;
  ElfSymbols symbols;
  symbols.relocated = file.e_type == ET_DYN;
  symbols.entry = file.e_entry;
  symbols.found.resize(wanted.size());
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
      search(elf.get(), section, header, wanted, symbols);
  }
  return symbols;
}

}  // namespace timeslice::observe
