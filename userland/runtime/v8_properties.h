// SPDX-License-Identifier: MIT
// What is in a property of a plain object, and which function made the object? An object's map has
// the names of its properties and where each of them lies, and leads to its constructor. Objects
// that keep their properties in a hash table instead aren't read.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/v8_heap.h"

namespace timeslice::runtime {

class V8Properties {
 public:
  explicit V8Properties(V8Heap& heap) : heap_(heap) {}

  // Empty: it has none with a name.
  const std::string& constructor_name(const V8Object& object);
  // Its own, where that is a plain value. Absent: there is none, or it can't be read.
  std::optional<uint64_t> find(const V8Object& object, std::string_view name);

 private:
  struct Place {
    bool in_object = false;
    uint64_t index = 0;  // a word of the object, or of its array of further properties
  };

  std::optional<uint64_t> map_of(const V8Object& object);
  std::string constructor_of(uint64_t map);
  std::optional<Place> place(uint64_t map, std::string_view name);

  V8Heap& heap_;
  std::unordered_map<uint64_t, std::string> constructors_;  // by map
  std::unordered_map<uint64_t, std::unordered_map<std::string, std::optional<Place>>> places_;
};

}  // namespace timeslice::runtime
