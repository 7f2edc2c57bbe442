// SPDX-License-Identifier: MIT
#include "runtime/v8_heap.h"

namespace timeslice::runtime {

std::optional<int32_t> V8Heap::small_integer(uint64_t word) {
  if (word & 0xffffffff) return std::nullopt;
  return static_cast<int32_t>(word >> 32);
}

std::optional<uint16_t> V8Heap::type_of_map(uint64_t map) {
  const auto [known, is_new] = types_.try_emplace(map);
  if (!is_new) return known->second;
  const auto meta = memory_.get<uint64_t>(map - 1);
  if (!meta || !looks_like_object(*meta)) return std::nullopt;
  const auto meta_type = memory_.get<uint16_t>(*meta - 1 + layout_.instance_type);
  if (meta_type != layout_.types.map) return std::nullopt;
  return known->second = memory_.get<uint16_t>(map - 1 + layout_.instance_type);
}

// While the collector moves objects, the old place has the new address, without a tag, for a map.
std::optional<V8Object> V8Heap::object(uint64_t word) {
  for (int moves = 0; moves < 2; ++moves) {
    if (!looks_like_object(word)) return std::nullopt;
    const auto map = memory_.get<uint64_t>(word - 1);
    if (!map) return std::nullopt;
    if (looks_like_object(*map)) {
      const auto type = type_of_map(*map);
      return type ? std::optional(V8Object{word, *type}) : std::nullopt;
    }
    if (*map == 0 || *map % 8 != 0) return std::nullopt;
    word = *map + 1;
  }
  return std::nullopt;
}

std::optional<V8Object> V8Heap::object_of_type(uint64_t word, uint16_t type) {
  const auto found = object(word);
  return found && found->type == type && type != V8Layout::kNoType ? found : std::nullopt;
}

std::optional<V8Object> V8Heap::function(uint64_t word) {
  const auto found = object(word);
  const bool is_one = found && found->type >= layout_.types.first_function &&
                      found->type <= layout_.types.last_function;
  return is_one ? found : std::nullopt;
}

std::optional<uint64_t> V8Heap::field(const V8Object& object, uint64_t offset) {
  return memory_.get<uint64_t>(object.address() + offset);
}

std::optional<V8Object> V8Heap::object_field(const V8Object& owner, uint64_t offset) {
  const auto word = field(owner, offset);
  return word ? object(*word) : std::nullopt;
}

std::optional<int32_t> V8Heap::integer_field(const V8Object& owner, uint64_t offset) {
  const auto word = field(owner, offset);
  return word ? small_integer(*word) : std::nullopt;
}

std::optional<uint32_t> V8Heap::array_length(const V8Object& array, uint32_t most) {
  const auto length = integer_field(array, layout_.length);
  if (!length || *length < 0 || static_cast<uint32_t>(*length) > most) return std::nullopt;
  return static_cast<uint32_t>(*length);
}

std::optional<uint64_t> V8Heap::element(const V8Object& array, uint64_t index) {
  return field(array, layout_.elements + index * 8);
}

std::optional<std::vector<uint8_t>> V8Heap::byte_array(uint64_t word, uint32_t most) {
  const auto array = object(word);
  if (!array ||
      (array->type != layout_.types.byte_array && array->type != layout_.types.trusted_byte_array))
    return std::nullopt;
  const auto length = array_length(*array, most);
  if (!length) return std::nullopt;
  std::vector<uint8_t> bytes(*length);
  if (!memory_.read(array->address() + layout_.elements, bytes.data(), bytes.size()))
    return std::nullopt;
  return bytes;
}

}  // namespace timeslice::runtime
