// SPDX-License-Identifier: MIT
// A heap and a stack of V8's that never were: objects as V8 lays them out, in memory made of pages.
// A test may then spoil any word of it.
#pragma once
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "runtime/v8_heap.h"
#include "runtime/v8_layout.h"

namespace made_heap {

using timeslice::runtime::V8Layout;

inline constexpr uint64_t kPage = 4096;

// Pages of zeros, where there are any.
class Pages : public timeslice::MemoryReader {
 public:
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    ++reads;
    bytes_read += bytes;
    return copy(address, bytes, [&](uint8_t* page, size_t at, size_t part) {
      std::memcpy(static_cast<uint8_t*>(to) + at, page, part);
    });
  }
  void map(uint64_t address, uint64_t bytes) {
    for (uint64_t page = address / kPage; page <= (address + bytes - 1) / kPage; ++page)
      pages[page].resize(kPage);
  }
  void put(uint64_t address, const void* from, size_t bytes) {
    map(address, bytes);
    copy(address, bytes, [&](uint8_t* page, size_t at, size_t part) {
      std::memcpy(page, static_cast<const uint8_t*>(from) + at, part);
    });
  }
  template <typename T>
  void put(uint64_t address, const T& value) {
    put(address, &value, sizeof(value));
  }

  std::map<uint64_t, std::vector<uint8_t>> pages;  // by number
  size_t reads = 0, bytes_read = 0;

 private:
  template <typename Part>
  bool copy(uint64_t address, size_t bytes, const Part& part) {
    for (size_t at = 0; at < bytes;) {
      const auto page = pages.find((address + at) / kPage);
      if (page == pages.end()) return false;
      const size_t within = (address + at) % kPage;
      const size_t size = std::min(bytes - at, kPage - within);
      part(page->second.data() + within, at, size);
      at += size;
    }
    return true;
  }
};

// As of Node 24's V8 (13.6), more or less.
inline V8Layout layout() {
  V8Layout layout;
  layout.frames.builtin_exit = 27;
  for (const size_t type : {1, 2, 3, 18, 23, 27, 31}) layout.frames.known.set(type);
  for (const size_t type : {3, 27}) layout.frames.exits.set(type);
  layout.types = {.map = 272,
                  .first_function = 2065,
                  .last_function = 2081,
                  .shared_function = 282,
                  .shared_function_wrapper = 195,
                  .code = 187,
                  .instruction_stream = 192,
                  .bytecode_array = 186,
                  .interpreter_data = 188,
                  .byte_array = 217,
                  .trusted_byte_array = 196,
                  .fixed_array = 205,
                  .scope_info = 280,
                  .script = 167,
                  .debug_info = 154,
                  .first_non_string = 128};
  layout.strings = {.representation_mask = 7,
                    .one_byte = 8,
                    .sequential = 0,
                    .cons = 1,
                    .external = 2,
                    .sliced = 3,
                    .thin = 5,
                    .length = 12,
                    .characters = 16,
                    .cons_first = 16,
                    .cons_second = 24,
                    .sliced_parent = 16,
                    .sliced_offset = 24,
                    .thin_actual = 16,
                    .external_data = 24};
  layout.functions = {.shared = 32,
                      .code = 0,
                      .data = 8,
                      .name_or_scope_info = 24,
                      .script = 40,
                      .scope_first_variable = 5};
  layout.scripts = {.source = 8,
                    .name = 16,
                    .line_offset = 24,
                    .line_ends = 56,
                    .id = 64,
                    .eval_from_shared = 72,
                    .eval_from_position = 80};
  layout.bytecodes = {.source_positions = 24, .data = 64};
  layout.instructions = {.header = 32,
                         .start = 40,
                         .size = 56,
                         .flags = 52,
                         .deoptimization = 8,
                         .positions = 16,
                         .kind_mask = 15,
                         .baseline = 10};
  layout.deoptimization = {
      .inlined_count = 1, .literals = 3, .shared_function = 7, .inlining_positions = 8};
  layout.properties = {.known = true,
                       .plain_object = 1057,
                       .async_function = 2110,
                       .async_generator = 2111,
                       .first_context = 220,
                       .last_context = 229,
                       .bit_field3 = 16,
                       .size_in_words = 8,
                       .first_in_object = 9,
                       .descriptors = 40,
                       .constructor = 32,
                       .dictionary_shift = 21,
                       .count_mask = 1047552,
                       .count_shift = 10,
                       .first_descriptor = 24,
                       .kind_mask = 1,
                       .location_mask = 32,
                       .index_mask = 536346624,
                       .index_shift = 19,
                       .further = 8};
  layout.major = 13;
  return layout;
}

inline uint64_t small(int64_t value) { return static_cast<uint64_t>(value) << 32; }

class Heap {
 public:
  explicit Heap(Pages& where, const V8Layout& as = layout()) : memory(where), at(as) {
    meta_ = allocate(64);
    memory.put(meta_ - 1, meta_);
    memory.put(meta_ - 1 + at.instance_type, at.types.map);
  }

  // All are tagged pointers.
  uint64_t object(uint16_t type, uint64_t bytes) {
    const uint64_t made = allocate(bytes);
    memory.put(made - 1, map_of(type));
    return made;
  }
  void set(uint64_t object, uint64_t offset, uint64_t word) {
    memory.put(object - 1 + offset, word);
  }
  uint64_t map_of(uint16_t type) {
    uint64_t& map = maps_[type];
    if (map == 0) {
      map = allocate(64);
      memory.put(map - 1, meta_);
      memory.put(map - 1 + at.instance_type, type);
    }
    return map;
  }

  uint64_t string(uint16_t kind, uint32_t length, uint64_t bytes) {
    const uint64_t made = object(static_cast<uint16_t>(kInternalized + kind), 16 + bytes);
    memory.put(made - 1 + at.strings.length, length);
    return made;
  }
  uint64_t text(const std::string& latin1) {
    const uint64_t made = string(at.strings.one_byte, size32(latin1), latin1.size());
    memory.put(made - 1 + at.strings.characters, latin1.data(), latin1.size());
    return made;
  }
  uint64_t wide(const std::u16string& units) {
    const uint64_t made = string(0, size32(units), units.size() * 2);
    memory.put(made - 1 + at.strings.characters, units.data(), units.size() * 2);
    return made;
  }
  uint64_t cons(uint64_t first, uint64_t second, uint32_t length) {
    return pointing(at.strings.cons, first, second, length);
  }
  uint64_t sliced(uint64_t parent, uint32_t offset, uint32_t length) {
    return pointing(at.strings.sliced, parent, small(offset), length);
  }
  uint64_t thin(uint64_t actual, uint32_t length) {
    return pointing(at.strings.thin, actual, 0, length);
  }
  uint64_t external(uint64_t characters, uint32_t length) {
    const auto kind = static_cast<uint16_t>(at.strings.external | at.strings.one_byte);
    return pointing(kind, 0, characters, length);
  }

  uint64_t fixed_array(const std::vector<uint64_t>& words) {
    const uint64_t made = object(at.types.fixed_array, 16 + 8 * words.size());
    set(made, at.length, small(static_cast<int64_t>(words.size())));
    memory.put(made - 1 + at.elements, words.data(), 8 * words.size());
    return made;
  }
  uint64_t byte_array(const std::vector<uint8_t>& bytes) {
    const uint64_t made = object(at.types.trusted_byte_array, 16 + bytes.size());
    set(made, at.length, small(static_cast<int64_t>(bytes.size())));
    memory.put(made - 1 + at.elements, bytes.data(), bytes.size());
    return made;
  }
  uint64_t bytecode(const std::vector<uint8_t>& bytes, const std::vector<uint8_t>& positions) {
    const uint64_t made = object(at.types.bytecode_array, at.bytecodes.data + bytes.size());
    set(made, at.length, small(static_cast<int64_t>(bytes.size())));
    set(made, at.bytecodes.source_positions, byte_array(positions));
    memory.put(made - 1 + at.bytecodes.data, bytes.data(), bytes.size());
    return made;
  }

  uint64_t script(int number, const std::string& name, const std::string& source) {
    const uint64_t made = object(at.types.script, 104);
    set(made, at.scripts.id, small(number));
    set(made, at.scripts.name, text(name));
    set(made, at.scripts.source, text(source));
    return made;
  }
  // With as many variables, each of two words, before its name.
  uint64_t scope(const std::string& name, int start, uint64_t variables = 0) {
    const uint64_t first = at.functions.scope_first_variable;
    const uint64_t made = object(at.types.scope_info, 8 * (first + 2 * variables + 8));
    memory.put(made - 1 + 8, uint64_t{1 << 12});  // flags: it has a name
    set(made, 8 + 8 * 2, small(static_cast<int64_t>(variables)));
    if (first == 5) set(made, 8 + 8 * 3, small(start));
    const uint64_t words = variables < 75 ? 2 * variables : 1 + variables;
    set(made, 8 + 8 * (first + words), text(name));
    if (first == 3) set(made, 8 + 8 * (first + words + 2), small(start));
    return made;
  }
  // What closures share; script 0: it is one of V8's own.
  uint64_t shared(uint64_t name_or_scope, uint64_t script, uint64_t data) {
    const uint64_t made = object(at.types.shared_function, 64);
    set(made, at.functions.name_or_scope_info, name_or_scope);
    set(made, at.functions.script, script);
    set(made, at.functions.data, data);
    return made;
  }
  uint64_t function(uint64_t shared) {
    const uint64_t made = object(at.types.first_function, 64);
    set(made, at.functions.shared, shared);
    return made;
  }
  // Code whose instructions are in a stream of their own at `address`, which is in compiled code.
  uint64_t code(uint64_t address, uint32_t bytes, uint32_t kind, uint64_t deoptimization,
                const std::vector<uint8_t>& positions) {
    const uint64_t made = object(at.types.code, 64);
    set(made, at.instructions.deoptimization, deoptimization);
    set(made, at.instructions.positions, byte_array(positions));
    set(made, at.instructions.start, address + at.instructions.header);
    memory.put(made - 1 + at.instructions.size, bytes);
    memory.put(made - 1 + at.instructions.flags, kind);
    memory.put(address, map_of(at.types.instruction_stream));
    memory.put(address + 8, made);
    return made;
  }

  Pages& memory;
  const V8Layout at;

 private:
  static constexpr uint16_t kInternalized = 32;  // a bit of strings that isn't looked at

  template <typename Text>
  static uint32_t size32(const Text& text) {
    return static_cast<uint32_t>(text.size());
  }
  uint64_t allocate(uint64_t bytes) {
    const uint64_t made = next_;
    next_ += (bytes + 7) / 8 * 8;
    memory.map(made, bytes);
    return made + 1;
  }
  uint64_t pointing(uint16_t kind, uint64_t first, uint64_t second, uint32_t length) {
    const uint64_t made = string(kind, length, 16);
    set(made, 16, first);
    set(made, 24, second);
    return made;
  }

  uint64_t next_ = 0x100000000, meta_ = 0;
  std::map<uint16_t, uint64_t> maps_;
};

// Of position tables: seven bits a byte, the lowest first.
inline void add_number(std::vector<uint8_t>& to, uint64_t number) {
  for (; number >= 0x80; number >>= 7) to.push_back(static_cast<uint8_t>(number | 0x80));
  to.push_back(static_cast<uint8_t>(number));
}
inline uint64_t with_sign(int64_t number) {
  return static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
}
inline uint64_t raw_position(int text_offset, int inlined = -1) {
  return static_cast<uint64_t>(text_offset + 1) << 1 | static_cast<uint64_t>(inlined + 1) << 31;
}

// A table's entries: an offset in code, and a raw position.
struct Entry {
  int64_t offset;
  uint64_t position;
};
inline std::vector<uint8_t> table(const std::vector<Entry>& entries, bool flagged = false) {
  std::vector<uint8_t> bytes;
  Entry last{-1, 0};
  for (const Entry& entry : entries) {
    const int64_t more = entry.offset - last.offset;
    add_number(bytes, flagged ? static_cast<uint64_t>(more) << 2 | 3 : with_sign(more));
    add_number(bytes, with_sign(static_cast<int64_t>(entry.position - last.position)));
    last = entry;
  }
  return bytes;
}

}  // namespace made_heap
