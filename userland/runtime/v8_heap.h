// SPDX-License-Identifier: MIT
// Is this word an object of V8's heap, of which type, and what is in its fields? An object's first
// word is its map, whose own map is that of all maps: so a word that merely looks like a pointer is
// told from an object. A view is for one sample: the collector moves objects.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/memory_reader.h"
#include "runtime/v8_layout.h"

namespace timeslice::runtime {

// A pointer with V8's tag on it: one more than the address.
struct V8Object {
  uint64_t tagged = 0;
  uint16_t type = V8Layout::kNoType;

  [[nodiscard]] uint64_t address() const { return tagged - 1; }
};

class V8Heap {
 public:
  V8Heap(MemoryReader& memory, const V8Layout& layout) : memory_(memory), layout_(layout) {}

  static bool looks_like_object(uint64_t word) { return (word & 3) == 1; }
  static std::optional<int32_t> small_integer(uint64_t word);

  // The object that a word points to, where it is by now if it has been moved. Absent: it is none.
  [[nodiscard]] std::optional<V8Object> object(uint64_t word);
  [[nodiscard]] std::optional<V8Object> object_of_type(uint64_t word, uint16_t type);
  [[nodiscard]] std::optional<V8Object> function(uint64_t word);  // a JSFunction

  [[nodiscard]] std::optional<uint64_t> field(const V8Object& object, uint64_t offset);
  [[nodiscard]] std::optional<V8Object> object_field(const V8Object& object, uint64_t offset);
  [[nodiscard]] std::optional<int32_t> integer_field(const V8Object& object, uint64_t offset);
  // Of an array: its elements are words, or bytes; no more than `most`.
  [[nodiscard]] std::optional<uint32_t> array_length(const V8Object& array, uint32_t most);
  [[nodiscard]] std::optional<uint64_t> element(const V8Object& array, uint64_t index);
  [[nodiscard]] std::optional<std::vector<uint8_t>> byte_array(uint64_t word, uint32_t most);

  [[nodiscard]] bool is_string(const V8Object& object) const {
    return object.type < layout_.types.first_non_string;
  }
  [[nodiscard]] const V8Layout& layout() const { return layout_; }
  [[nodiscard]] MemoryReader& memory() { return memory_; }

 private:
  std::optional<uint16_t> type_of_map(uint64_t map);

  MemoryReader& memory_;
  const V8Layout& layout_;
  std::unordered_map<uint64_t, std::optional<uint16_t>> types_;  // by map
};

}  // namespace timeslice::runtime
