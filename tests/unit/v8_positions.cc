// SPDX-License-Identifier: MIT
// Are places in the source found in V8's tables, in both of their forms, and is a broken table
// refused?
#include "runtime/v8_positions.h"

#include "runtime/v8_bytecodes.h"
#include "tests/catch.h"
#include "tests/unit/made_heap.h"

using namespace timeslice::runtime;
using made_heap::raw_position;
using made_heap::table;

namespace {

const std::vector<made_heap::Entry> kEntries = {
    {0, raw_position(10)}, {5, raw_position(200)}, {9, raw_position(90)}, {19, raw_position(7000)}};

int at(const std::vector<uint8_t>& bytes, V8TableForm form, uint64_t offset) {
  const auto found = position_at(bytes, form, offset);
  return found ? found->text_offset : -2;
}

}  // namespace

TEST_CASE("an offset has the position of the entry before it", "[v8]") {
  for (const auto form : {V8TableForm::kSigned, V8TableForm::kFlagged}) {
    const auto bytes = table(kEntries, form == V8TableForm::kFlagged);
    CHECK(at(bytes, form, 0) == 10);
    CHECK(at(bytes, form, 4) == 10);
    CHECK(at(bytes, form, 5) == 200);
    CHECK(at(bytes, form, 18) == 90);
    CHECK(at(bytes, form, 19) == 7000);
    CHECK(at(bytes, form, 1000000) == 7000);
  }
}

TEST_CASE("before the first entry, and in an empty table, there is no position", "[v8]") {
  CHECK(at({}, V8TableForm::kSigned, 3) == -2);
  CHECK(at(table({{4, raw_position(1)}}), V8TableForm::kSigned, 3) == -2);
}

TEST_CASE("an expression's entry is a negative number in the older form", "[v8]") {
  // From -1: five on, as an expression: -(5 + 1).
  std::vector<uint8_t> bytes;
  made_heap::add_number(bytes, made_heap::with_sign(-6));
  made_heap::add_number(bytes, made_heap::with_sign(static_cast<int64_t>(raw_position(33))));
  CHECK(at(bytes, V8TableForm::kSigned, 3) == -2);
  CHECK(at(bytes, V8TableForm::kSigned, 4) == 33);
}

TEST_CASE("a position in an inlined function says in which", "[v8]") {
  const auto found = position_at(table({{0, raw_position(50, 3)}}), V8TableForm::kSigned, 0);
  REQUIRE(found);
  CHECK(found->text_offset == 50);
  CHECK(found->inlined == 3);
}

TEST_CASE("which form a table of bytecode has is seen by where it ends", "[v8]") {
  const uint64_t bytes = 20;  // its return is at 19
  CHECK(form_of_bytecode_table(table(kEntries), bytes) == V8TableForm::kSigned);
  CHECK(form_of_bytecode_table(table(kEntries, true), bytes) == V8TableForm::kFlagged);
  CHECK_FALSE(form_of_bytecode_table(table(kEntries), 30));
  CHECK_FALSE(form_of_bytecode_table({}, 20));
}

TEST_CASE("a broken table has no positions", "[v8]") {
  auto bytes = table(kEntries);
  bytes.pop_back();
  CHECK(at(bytes, V8TableForm::kSigned, 1000) == -2);
  CHECK_FALSE(form_of_bytecode_table(bytes, 20));
  // A number that never ends, and one too large.
  CHECK(at(std::vector<uint8_t>(100, 0xff), V8TableForm::kSigned, 5) == -2);
  std::vector<uint8_t> large;
  made_heap::add_number(large, uint64_t{1} << 40);
  made_heap::add_number(large, 2);
  CHECK(at(large, V8TableForm::kFlagged, 5) == -2);
}

namespace {

// Six bytecodes: of one byte, of two, of three, and the same after a prefix.
V8BytecodeSizes sizes() {
  std::vector<uint8_t> all;
  for (const uint8_t scale : {1, 2, 4}) {
    all.insert(all.end(), {1, 1, 1, 1});
    all.insert(all.end(),
               {1, static_cast<uint8_t>(1 + scale), static_cast<uint8_t>(1 + 2 * scale)});
  }
  return V8BytecodeSizes(all);
}

}  // namespace

TEST_CASE("sizes of bytecodes are with their prefixes and operands", "[v8]") {
  const auto of = [](std::vector<uint8_t> bytes) { return sizes().at(bytes); };
  CHECK(of({4}) == 1);
  CHECK(of({5, 9}) == 2);
  CHECK(of({6, 9, 9}) == 3);
  CHECK(of({0, 6}) == 6);  // a prefix, the bytecode, two operands of two bytes
  CHECK(of({1, 6}) == 10);
  CHECK(of({3, 5}) == 6);
  CHECK_FALSE(of({7}));
  CHECK_FALSE(of({0}));
  CHECK_FALSE(of({}));
}

TEST_CASE("an address in baseline code belongs to the bytecode whose code it is in", "[v8]") {
  const std::vector<uint8_t> bytecodes = {5, 0, 0, 6, 0, 0, 0, 0, 4};  // at 0, 2 (prefixed), 8
  const std::vector<uint8_t> lengths = {30, 10, 20, 0x80, 1};          // prologue; 10, 20, 128
  const auto find = [&](uint64_t offset) {
    return bytecode_of_baseline(lengths, bytecodes, sizes(), offset);
  };
  CHECK(find(0) == 0);
  CHECK(find(39) == 0);
  CHECK(find(40) == 2);
  CHECK(find(59) == 2);
  CHECK(find(60) == 8);
  CHECK(find(187) == 8);
  CHECK_FALSE(find(188));
  CHECK_FALSE(bytecode_of_baseline({}, bytecodes, sizes(), 0));
  CHECK_FALSE(bytecode_of_baseline(lengths, {{7, 7}}, sizes(), 60));
}
