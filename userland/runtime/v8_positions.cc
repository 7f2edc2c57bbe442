// SPDX-License-Identifier: MIT
#include "runtime/v8_positions.h"

#include <algorithm>

#include "runtime/v8_bytecodes.h"

namespace timeslice::runtime {

namespace {

// Numbers of seven bits a byte, the lowest first; the highest bit says that more follow.
class Numbers {
 public:
  explicit Numbers(V8Table table) : table_(table) {}

  [[nodiscard]] bool done() const { return at_ >= table_.size(); }
  std::optional<uint64_t> next() {
    uint64_t number = 0;
    for (unsigned shift = 0; at_ < table_.size() && shift < 64; shift += 7) {
      const uint8_t byte = table_[at_++];
      number |= uint64_t{byte & 0x7fu} << shift;
      if (!(byte & 0x80)) return number;
    }
    return std::nullopt;
  }
  // The lowest bit is the sign.
  std::optional<int64_t> next_signed() {
    const auto number = next();
    if (!number) return std::nullopt;
    return static_cast<int64_t>(*number >> 1) ^ -static_cast<int64_t>(*number & 1);
  }

 private:
  V8Table table_;
  size_t at_ = 0;
};

struct Entry {
  int64_t offset = -1;  // the first delta counts from the function's entry, at -1
  uint64_t position = 0;
};

// The table's next entry, added to the one before. False: it is broken.
bool advance(Numbers& numbers, V8TableForm form, Entry& entry) {
  const auto offset = numbers.next();
  const auto position = numbers.next_signed();
  if (!offset || !position || *offset > UINT32_MAX) return false;
  entry.offset += static_cast<int64_t>(*offset >> (form == V8TableForm::kSigned ? 1 : 2));
  entry.position += static_cast<uint64_t>(*position);
  return true;
}

std::optional<int64_t> last_offset(V8Table table, V8TableForm form) {
  Numbers numbers(table);
  Entry entry;
  while (!numbers.done())
    if (!advance(numbers, form, entry)) return std::nullopt;
  return entry.offset;
}

}  // namespace

V8Position V8Position::of(uint64_t raw) {
  // Bit 0: a place that isn't in a script. Each number has one added to it.
  V8Position position;
  if (!(raw & 1)) position.text_offset = static_cast<int>(raw >> 1 & 0x3fffffff) - 1;
  position.inlined = static_cast<int>(raw >> 31 & 0xffff) - 1;
  return position;
}

std::optional<V8TableForm> form_of_bytecode_table(V8Table table, uint64_t bytecode_bytes) {
  const auto last = static_cast<int64_t>(bytecode_bytes) - 1;
  const bool is_signed = last_offset(table, V8TableForm::kSigned) == last;
  const bool is_flagged = last_offset(table, V8TableForm::kFlagged) == last;
  if (is_signed == is_flagged) return std::nullopt;
  return is_signed ? V8TableForm::kSigned : V8TableForm::kFlagged;
}

std::optional<V8Position> position_at(V8Table table, V8TableForm form, uint64_t offset) {
  Numbers numbers(table);
  Entry entry;
  std::optional<V8Position> found;
  while (!numbers.done()) {
    if (!advance(numbers, form, entry)) return std::nullopt;
    if (entry.offset > static_cast<int64_t>(offset)) break;
    found = V8Position::of(entry.position);
    found->from = static_cast<uint64_t>(std::max<int64_t>(entry.offset, 0));
  }
  return found;
}

std::optional<uint64_t> bytecode_of_baseline(V8Table table, std::span<const uint8_t> bytecodes,
                                             const V8BytecodeSizes& sizes, uint64_t code_offset) {
  Numbers numbers(table);
  const auto prologue = numbers.next();
  if (!prologue) return std::nullopt;
  uint64_t end = *prologue, bytecode = 0;
  if (code_offset < end) return 0;
  while (bytecode < bytecodes.size()) {
    const auto length = numbers.next();
    if (!length || *length > UINT32_MAX) return std::nullopt;
    end += *length;
    if (code_offset < end) return bytecode;
    const auto size = sizes.at(bytecodes.subspan(bytecode));
    if (!size) return std::nullopt;
    bytecode += *size;
  }
  return std::nullopt;
}

}  // namespace timeslice::runtime
