// SPDX-License-Identifier: MIT
// What if the memory of a process isn't what V8 would leave, but what somebody made up, or what was
// half overwritten while it was read? Words of a stack and a heap are replaced, thousands of times:
// each walk ends, reads no more than it may, and doesn't crash. The seed is fixed: a failure comes
// again.
#include <random>

#include "runtime/cached_reader.h"
#include "tests/catch.h"
#include "tests/unit/made_stack.h"

using namespace made_stack;
using made_heap::raw_position;
using made_heap::table;

namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr uint64_t kStream = kCompiled + 0x4000;

// All kinds of frames, of code and of strings.
struct Target : Thread {
  Target() {
    known.bytecode_sizes = V8BytecodeSizes(std::vector<uint8_t>(3 * 5, 1));
    push_entry();
    push_typed(23);
    push_named("interpreted", 15);
    push_exit();
    push_entry();
    const uint64_t based = function_at("based", 45);
    std::vector<uint8_t> lengths(9, 8);
    heap.set(last_shared, heap.at.functions.data,
             heap.code(kStream, 0x200, 10, last_bytecode, lengths));
    push_function(based, kBuiltins + 0x200, last_bytecode, context);
    const uint64_t fast = function_at("fast", 5);
    heap.set(last_shared, heap.at.functions.name_or_scope_info,
             heap.cons(heap.text("fa"), heap.sliced(heap.wide(u"xstx"), 1, 2), 4));
    const uint64_t data =
        heap.fixed_array({0, made_heap::small(1), 0, heap.fixed_array({last_shared}), 0, 0, 0,
                          last_shared, heap.byte_array(std::vector<uint8_t>(16)), 0});
    heap.code(kStream + 0x1000, 0x200, 12, data, table({{8, raw_position(35, 0)}}));
    push_function(fast, kStream + 32 + 48);
    sample_ = registers(kStream + 0x1000 + 32 + 20);
  }

  // What a sample does, with what may be read of it. True: it has names.
  bool sample(size_t& bytes) {
    timeslice::runtime::CachedReader cached(pages, kMostBytes);
    V8Heap view(cached, heap.at);
    const V8Ground ground{view, code, nullptr, isolate};
    const V8Walked walked = walk(ground, sample_, 64);
    V8Naming naming(ground, known, sample_.sp);
    std::vector<JsFrame> frames;
    bool named = !walked.frames.empty();
    for (const V8Frame& frame : walked.frames)
      if (frame.function && !naming.name(frame, frames)) named = false;
    for (const JsFrame& frame : frames) named = named && frame.function.size() <= 4 * 256;
    bytes = cached.bytes_read();
    return named;
  }

 private:
  V8Registers sample_;
};

// What a word may become: another of the memory's, or near it, or one of those that go wrong.
uint64_t replacement(std::mt19937_64& random, uint64_t word, uint64_t other) {
  switch (random() % 8) {
    case 0:
      return 0;
    case 1:
      return ~uint64_t{0};
    case 2:
      return other;
    case 3:
      return word ^ uint64_t { 1 } << random() % 64;
    case 4:
      return word + 8 * (random() % 16) - 64;
    case 5:
      return random() % 2 << 63 | random() >> random() % 64;
    case 6:
      return made_heap::small(static_cast<int32_t>(random()));
    default:
      return other + random() % 8;
  }
}

}  // namespace

TEST_CASE("whatever memory says, a walk ends and reads no more than it may", "[v8]") {
  Target target;
  size_t bytes = 0;
  REQUIRE(target.sample(bytes));
  std::vector<uint64_t> used;  // the words that aren't zero
  for (const auto& [number, page] : target.pages.pages)
    for (uint64_t at = 0; at < made_heap::kPage; at += 8)
      if (uint64_t word; std::memcpy(&word, page.data() + at, 8), word != 0)
        used.push_back(number * made_heap::kPage + at);
  std::mt19937_64 random(20);
  size_t named = 0, most_bytes = 0;
  constexpr int kRounds = 20000;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::pair<uint64_t, uint64_t>> before;
    for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      const uint64_t at = used[random() % used.size()];
      const uint64_t word = *target.pages.get<uint64_t>(at);
      const uint64_t other = *target.pages.get<uint64_t>(used[random() % used.size()]);
      before.emplace_back(at, word);
      target.pages.put(at, replacement(random, word, other));
    }
    named += target.sample(bytes);
    most_bytes = std::max(most_bytes, bytes);
    for (auto change = before.rbegin(); change != before.rend(); ++change)
      target.pages.put(change->first, change->second);
  }
  CHECK(most_bytes <= kMostBytes);
  // Most changes are of words that nobody needs; many must be noticed.
  CHECK(named > kRounds / 10);
  CHECK(named < kRounds * 9 / 10);
  CHECK(target.sample(bytes));
}
