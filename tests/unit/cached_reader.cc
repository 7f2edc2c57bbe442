// SPDX-License-Identifier: MIT
// Is memory read once a sample, and no more of it than is allowed?
#include "runtime/cached_reader.h"

#include "tests/catch.h"
#include "tests/unit/made_heap.h"

using timeslice::runtime::CachedReader;

namespace {

made_heap::Pages counting_pages(uint64_t pages) {
  made_heap::Pages memory;
  for (uint64_t at = 0; at < pages * made_heap::kPage; at += 8) memory.put(0x10000 + at, at);
  return memory;
}

}  // namespace

TEST_CASE("a page is read once, whatever is asked of it", "[v8]") {
  auto memory = counting_pages(3);
  CachedReader cached(memory, 1 << 20);
  for (int i = 0; i < 100; ++i) CHECK(cached.get<uint64_t>(0x10000 + 8 * i) == 8 * i);
  CHECK(memory.reads == 1);
  memory.put(0x10008, uint64_t{99});
  CHECK(cached.get<uint64_t>(0x10008) == 8);  // of one moment
  uint64_t across;
  REQUIRE(cached.read(0x10ffc, &across, 8));
  CHECK(across == (uint64_t{0x1000} << 32));
  CHECK(memory.reads == 2);
}

TEST_CASE("what can't be read isn't tried again", "[v8]") {
  auto memory = counting_pages(1);
  CachedReader cached(memory, 1 << 20);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(cached.get<uint64_t>(0x20000));
  CHECK_FALSE(cached.get<uint64_t>(0x10ffc));
  CHECK_FALSE(cached.get<uint64_t>(~uint64_t{0} - 3));
  CHECK(memory.reads == 3);
}

TEST_CASE("beyond the limit nothing is read", "[v8]") {
  auto memory = counting_pages(64);
  CachedReader cached(memory, 4 * made_heap::kPage);
  size_t readable = 0;
  for (uint64_t page = 0; page < 64; ++page)
    readable += cached.get<uint8_t>(0x10000 + page * made_heap::kPage).has_value();
  CHECK(readable == 4);
  CHECK(cached.bytes_read() == 4 * made_heap::kPage);
  std::vector<uint8_t> much(40000);
  CHECK_FALSE(cached.read(0x10000, much.data(), much.size()));
  CHECK(memory.bytes_read <= 4 * made_heap::kPage);
}

TEST_CASE("pages are loaded together, or one by one where that fails", "[v8]") {
  auto memory = counting_pages(3);
  CachedReader cached(memory, 1 << 20);
  cached.load(0x10010, 2 * made_heap::kPage);
  CHECK(memory.reads == 1);
  CHECK(cached.get<uint64_t>(0x12000) == 0x2000);
  CHECK(memory.reads == 1);
  cached.load(0x11000, 8 * made_heap::kPage);
  CHECK(cached.get<uint64_t>(0x12ff8) == 0x2ff8);
  CHECK_FALSE(cached.get<uint64_t>(0x13000));
}
