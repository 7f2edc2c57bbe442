// SPDX-License-Identifier: MIT
#include "tests/live/usdt_notes.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "base/unique_fd.h"

namespace timeslice::live {

namespace {

constexpr uint32_t kUsdt = 3;

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};

std::string bytes_of(Elf_Scn* section) {
  const Elf_Data* data = elf_getdata(section, nullptr);
  return data && data->d_buf ? std::string(static_cast<const char*>(data->d_buf), data->d_size)
                             : "";
}

// What was linked to be at `address`.
std::string code_at(Elf* elf, uint64_t address) {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    if ((header.sh_flags & SHF_EXECINSTR) == 0 || address < header.sh_addr) continue;
    if (address - header.sh_addr < header.sh_size)
      return bytes_of(section).substr(address - header.sh_addr, 16);
  }
  throw std::runtime_error("a probe's address is in no code");
}

uint64_t take_number(std::string& bytes) {
  uint64_t number = 0;
  if (bytes.size() < sizeof(number)) throw std::runtime_error("a probe's note ends too soon");
  std::memcpy(&number, bytes.data(), sizeof(number));
  bytes.erase(0, sizeof(number));
  return number;
}

std::string take_text(std::string& bytes) {
  const size_t end = bytes.find('\0');
  if (end == std::string::npos) throw std::runtime_error("a text in a probe's note has no end");
  std::string text = bytes.substr(0, end);
  bytes.erase(0, end + 1);
  return text;
}

UsdtNote note_in(Elf* elf, std::string bytes) {
  UsdtNote note;
  note.code = code_at(elf, take_number(bytes));
  note.base = take_number(bytes);
  note.semaphore = take_number(bytes);
  note.provider = take_text(bytes);
  note.name = take_text(bytes);
  note.arguments = take_text(bytes);
  if (bytes.find_first_not_of('\0') != std::string::npos)
    throw std::runtime_error("there is more in a probe's note than belongs there");
  return note;
}

void read_section(Elf* elf, Elf_Scn* section, std::vector<UsdtNote>& notes) {
  Elf_Data* data = elf_getdata(section, nullptr);
  const std::string bytes = bytes_of(section);
  GElf_Nhdr header;
  size_t owner_at, text_at;
  for (size_t at = 0; (at = gelf_getnote(data, at, &header, &owner_at, &text_at)) > 0;) {
    if (header.n_type != kUsdt || bytes.compare(owner_at, header.n_namesz, "stapsdt", 8) != 0)
      throw std::runtime_error("a note in .note.stapsdt is none of a probe");
    notes.push_back(note_in(elf, bytes.substr(text_at, header.n_descsz)));
  }
}

}  // namespace

std::vector<UsdtNote> UsdtNotes::named(const std::string& name) const {
  std::vector<UsdtNote> found;
  std::copy_if(notes.begin(), notes.end(), std::back_inserter(found),
               [&](const UsdtNote& note) { return note.name == name; });
  return found;
}

UsdtNotes usdt_notes(const std::string& path) {
  elf_version(EV_CURRENT);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::unique_ptr<Elf, ElfCloser> elf(elf_begin(fd.get(), ELF_C_READ, nullptr));
  size_t names = 0;
  if (!elf || elf_getshdrstrndx(elf.get(), &names) != 0)
    throw std::runtime_error(path + " is no ELF file");
  UsdtNotes found;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    const std::string name = elf_strptr(elf.get(), names, header.sh_name);
    if (name == ".stapsdt.base") found.base = header.sh_addr;
    if (name == ".note.stapsdt") read_section(elf.get(), section, found.notes);
  }
  return found;
}

}  // namespace timeslice::live
