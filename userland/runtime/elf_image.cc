// SPDX-License-Identifier: MIT
#include "runtime/elf_image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace timeslice::runtime {

namespace {

constexpr size_t kMostSegments = 64;
constexpr size_t kMostDynamicEntries = 256;
constexpr int kMostCandidates = 1024;  // symbols that share a bucket; usually one or two
constexpr uint64_t kPage = 4096;

bool is_ours(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
         header.e_machine == EM_X86_64 && header.e_phentsize == sizeof(Elf64_Phdr) &&
         header.e_phnum > 0 && header.e_phnum <= kMostSegments;
}

uint64_t rounded_up(uint64_t size, uint64_t alignment) {
  return alignment < 2 ? size : (size + alignment - 1) / alignment * alignment;
}

// The hash of DT_GNU_HASH: Bernstein's, with 33.
uint32_t hash_of(std::string_view name) {
  uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

}  // namespace

std::optional<ElfImage> ElfImage::at(MemoryReader& memory, uint64_t base) {
  const auto header = memory.get<Elf64_Ehdr>(base);
  if (!header || !is_ours(*header)) return std::nullopt;
  std::vector<Elf64_Phdr> segments(header->e_phnum);
  if (!memory.read(base + header->e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr)))
    return std::nullopt;
  ElfImage image;
  uint64_t lowest = UINT64_MAX, end = 0;
  const Elf64_Phdr* dynamic = nullptr;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_LOAD) {
      lowest = std::min(lowest, segment.p_vaddr / kPage * kPage);
      end = std::max(end, segment.p_vaddr + segment.p_memsz);
    }
    if (segment.p_type == PT_DYNAMIC) dynamic = &segment;
    if (segment.p_type == PT_TLS)
      image.thread_data_size_ = rounded_up(segment.p_memsz, segment.p_align);
  }
  if (!dynamic || lowest >= end) return std::nullopt;
  image.bias_ = base - lowest;
  image.lowest_ = base;
  image.end_ = image.bias_ + end;
  if (!image.read_dynamic(memory, image.bias_ + dynamic->p_vaddr, dynamic->p_memsz) ||
      !image.read_hash(memory))
    return std::nullopt;
  return image;
}

// The loader of glibc writes addresses in place of what was linked, that of musl doesn't.
bool ElfImage::read_dynamic(MemoryReader& memory, uint64_t address, uint64_t bytes) {
  std::vector<Elf64_Dyn> entries(std::min(bytes / sizeof(Elf64_Dyn), kMostDynamicEntries));
  if (entries.empty() || !memory.read(address, entries.data(), entries.size() * sizeof(Elf64_Dyn)))
    return false;
  const auto relocated = [this](uint64_t value) {
    return value >= lowest_ && value < end_ ? value : value + bias_;
  };
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_SYMTAB) symbols_ = relocated(entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRTAB) names_ = relocated(entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRSZ) names_size_ = entry.d_un.d_val;
    if (entry.d_tag == DT_GNU_HASH) hash_.address = relocated(entry.d_un.d_ptr);
  }
  return symbols_ && names_ && hash_.address;
}

bool ElfImage::read_hash(MemoryReader& memory) {
  uint32_t header[4];
  if (!memory.read(hash_.address, header, sizeof(header))) return false;
  hash_.buckets = header[0];
  hash_.first_symbol = header[1];
  hash_.filter_words = header[2];
  return hash_.buckets > 0;
}

std::optional<Symbol> ElfImage::symbol(MemoryReader& memory, uint32_t index,
                                       std::string_view name) const {
  const auto entry = memory.get<Elf64_Sym>(symbols_ + uint64_t{index} * sizeof(Elf64_Sym));
  if (!entry || entry->st_shndx == SHN_UNDEF) return std::nullopt;
  std::string found(name.size() + 1, '?');
  if (entry->st_name >= names_size_ ||
      !memory.read(names_ + entry->st_name, found.data(), found.size()) || found.back() != 0 ||
      found.compare(0, name.size(), name) != 0)
    return std::nullopt;
  const bool moves = ELF64_ST_TYPE(entry->st_info) != STT_TLS && entry->st_shndx != SHN_ABS;
  return Symbol{entry->st_value + (moves ? bias_ : 0), entry->st_size};
}

std::optional<Symbol> ElfImage::find(MemoryReader& memory, std::string_view name) const {
  const uint32_t hash = hash_of(name);
  const uint64_t buckets = hash_.address + 16 + uint64_t{hash_.filter_words} * 8;
  const uint64_t chains = buckets + uint64_t{hash_.buckets} * 4;
  auto index = memory.get<uint32_t>(buckets + uint64_t{hash % hash_.buckets} * 4);
  if (!index || *index < hash_.first_symbol) return std::nullopt;
  for (int i = 0; i < kMostCandidates; ++i, ++*index) {
    const auto link = memory.get<uint32_t>(chains + uint64_t{*index - hash_.first_symbol} * 4);
    if (!link) return std::nullopt;
    // The lowest bit ends a bucket's chain.
    if ((*link | 1) == (hash | 1)) {
      if (const auto found = symbol(memory, *index, name)) return found;
    }
    if (*link & 1) return std::nullopt;
  }
  return std::nullopt;
}

std::vector<uint8_t> ElfImage::code(MemoryReader& memory, std::string_view name,
                                    size_t at_most) const {
  const auto function = find(memory, name);
  if (!function) return {};
  // Of code written in assembly the table may not have the size.
  std::vector<uint8_t> bytes(function->size ? std::min<uint64_t>(at_most, function->size)
                                            : at_most);
  if (!memory.read(function->address, bytes.data(), bytes.size())) bytes.clear();
  return bytes;
}

}  // namespace timeslice::runtime
