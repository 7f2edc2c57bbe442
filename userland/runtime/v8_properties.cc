// SPDX-License-Identifier: MIT
#include "runtime/v8_properties.h"

#include "runtime/v8_functions.h"
#include "runtime/v8_strings.h"

namespace timeslice::runtime {

namespace {

constexpr int kMostMaps = 256;  // from an object's map back to its constructor's
constexpr uint32_t kLongestName = 64;
constexpr uint64_t kWord = 8;

}  // namespace

std::optional<uint64_t> V8Properties::map_of(const V8Object& object) {
  const auto map = heap_.field(object, 0);
  return map && V8Heap::looks_like_object(*map) ? map : std::nullopt;
}

const std::string& V8Properties::constructor_name(const V8Object& object) {
  static const std::string kNone;
  const auto map = map_of(object);
  if (!map) return kNone;
  const auto [known, is_new] = constructors_.try_emplace(*map);
  if (is_new) known->second = constructor_of(*map);
  return known->second;
}

// A map that came from another one by adding a property leads to that; the first, to its function.
std::string V8Properties::constructor_of(uint64_t map) {
  const V8Layout& layout = heap_.layout();
  V8Object at{map, layout.types.map};
  for (int i = 0; i < kMostMaps; ++i) {
    const auto next = heap_.object_field(at, layout.properties.constructor);
    if (!next) return "";
    if (const auto function = heap_.function(next->tagged)) {
      const auto shared = heap_.field(*function, layout.functions.shared);
      const auto described = shared ? read_function(heap_, *shared) : std::nullopt;
      return described ? described->name : "";
    }
    if (next->type != layout.types.map) return "";
    at = *next;
  }
  return "";
}

std::optional<V8Properties::Place> V8Properties::place(uint64_t map, std::string_view name) {
  const V8Layout::Properties& at = heap_.layout().properties;
  const V8Object object{map, heap_.layout().types.map};
  const auto bits = heap_.memory().get<uint32_t>(object.address() + at.bit_field3);
  const auto size = heap_.memory().get<uint8_t>(object.address() + at.size_in_words);
  const auto first = heap_.memory().get<uint8_t>(object.address() + at.first_in_object);
  const auto names = heap_.object_field(object, at.descriptors);
  if (!bits || !size || !first || !names || *first > *size) return std::nullopt;
  if (*bits >> at.dictionary_shift & 1) return std::nullopt;
  const uint64_t in_object = *size - *first;
  const uint32_t count = (*bits & at.count_mask) >> at.count_shift;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t descriptor = at.first_descriptor + i * 3 * kWord;  // name, details, value
    const auto key = heap_.field(*names, descriptor);
    if (!key || read_string(heap_, *key, kLongestName) != name) continue;
    const auto details = heap_.integer_field(*names, descriptor + kWord);
    if (!details) return std::nullopt;
    const auto flags = static_cast<uint32_t>(*details);
    if (flags & (at.kind_mask | at.location_mask)) return std::nullopt;  // an accessor, or shared
    const uint64_t index = (flags & at.index_mask) >> at.index_shift;
    if (index < in_object) return Place{true, *first + index};
    return Place{false, index - in_object};
  }
  return std::nullopt;
}

std::optional<uint64_t> V8Properties::find(const V8Object& object, std::string_view name) {
  const V8Layout& layout = heap_.layout();
  const auto map = map_of(object);
  if (!map || !layout.properties.known) return std::nullopt;
  const auto [known, is_new] = places_[*map].try_emplace(std::string(name));
  if (is_new) known->second = place(*map, name);
  if (!known->second) return std::nullopt;
  if (known->second->in_object) return heap_.field(object, known->second->index * kWord);
  const auto more = heap_.object_field(object, layout.properties.further);
  return more ? heap_.element(*more, known->second->index) : std::nullopt;
}

}  // namespace timeslice::runtime
