// SPDX-License-Identifier: MIT
// Are a loaded image's exports found in memory, and is no harm done by one that lies?
#include "runtime/elf_image.h"

#include <dlfcn.h>
#include <zlib.h>

#include "tests/catch.h"
#include "tests/unit/made_up_memory.h"

namespace timeslice::runtime {

namespace {

using made_up::Image;
using made_up::Memory;

constexpr uint64_t kBase = 0x7f0000400000;

// Our own process, whose loader can be asked for the truth.
class OwnMemory : public MemoryReader {
 public:
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    std::memcpy(to, reinterpret_cast<const void*>(address), bytes);
    return true;
  }
};

}  // namespace

TEST_CASE("a library's exports are found where the loader says they are") {
  OwnMemory memory;
  for (void* const known :
       {reinterpret_cast<void*>(&zlibVersion), reinterpret_cast<void*>(&dlsym)}) {
    Dl_info info{};
    REQUIRE(dladdr(known, &info) != 0);
    const auto image = ElfImage::at(memory, reinterpret_cast<uint64_t>(info.dli_fbase));
    REQUIRE(image);
    const auto found = image->find(memory, info.dli_sname);
    REQUIRE(found);
    CHECK(found->address == reinterpret_cast<uint64_t>(info.dli_saddr));
    CHECK(found->size > 0);
    CHECK_FALSE(image->find(memory, "no_such_function"));
  }
}

TEST_CASE("exports are found in images of either kind, by a loader of either kind") {
  for (const Image::Kind kind : {Image::Kind::shared, Image::Kind::fixed}) {
    for (const bool relocated : {true, false}) {
      Memory memory;
      Image made(memory, kBase, kind);
      made.add("one", {0x90, 0xc3});
      made.add("two", {0xc3});
      made.load(relocated);
      const auto image = ElfImage::at(memory, kBase);
      REQUIRE(image);
      CHECK(image->find(memory, "one")->address == kBase + Image::kCode);
      CHECK(image->find(memory, "two")->address == kBase + Image::kCode + 16);
      CHECK(image->code(memory, "one", 100) == made_up::Code{0x90, 0xc3});
      CHECK(image->code(memory, "one", 1) == made_up::Code{0x90});
      CHECK(image->code(memory, "three", 100).empty());
      CHECK_FALSE(image->find(memory, "on"));
      CHECK_FALSE(image->find(memory, ""));
      CHECK(image->thread_data_size() == 32);
    }
  }
}

TEST_CASE("what isn't an image of this machine is none") {
  Memory memory;
  Image made(memory, kBase);
  made.add("one", {0xc3});
  CHECK_FALSE(ElfImage::at(memory, kBase));  // nothing there
  const auto broken = [&](size_t offset, auto value) {
    made.load();
    memory.put(kBase + offset, value);
    return !ElfImage::at(memory, kBase);
  };
  CHECK(broken(0, uint8_t{0}));
  CHECK(broken(EI_CLASS, uint8_t{ELFCLASS32}));
  CHECK(broken(offsetof(Elf64_Ehdr, e_machine), uint16_t{EM_AARCH64}));
  CHECK(broken(offsetof(Elf64_Ehdr, e_phnum), uint16_t{0}));
  CHECK(broken(offsetof(Elf64_Ehdr, e_phnum), uint16_t{0xffff}));
  CHECK(broken(offsetof(Elf64_Ehdr, e_phoff), uint64_t{0xffffffffffff0000}));
  CHECK(broken(Image::kDynamic, Elf64_Dyn{DT_NULL, {0}}));
  CHECK(broken(Image::kHash, uint32_t{0}));
}

TEST_CASE("a table that never ends is left after a while") {
  Memory memory;
  Image made(memory, kBase);
  made.add("one", {0xc3});
  made.load();
  // Every symbol from here on has the hash that is looked for, and none is the last one.
  for (uint64_t at = kBase + Image::kHash + 28; at < kBase + Image::kCode; at += 4)
    memory.put(at, Image::hash("another") & ~1U);
  const auto image = ElfImage::at(memory, kBase);
  REQUIRE(image);
  memory.bytes_read = 0;
  CHECK_FALSE(image->find(memory, "another"));
  CHECK(memory.bytes_read < 200'000);
}

}  // namespace timeslice::runtime
