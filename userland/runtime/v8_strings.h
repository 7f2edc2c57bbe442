// SPDX-License-Identifier: MIT
// What does a string of V8's say? Its characters may be its own (one byte each, Latin-1, or two,
// UTF-16), or those of others: two joined, a part of a longer one, one that took its place, or
// memory of C++'s. Whatever its owner wrote is in it: it is a name as it is, not one to be printed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/v8_heap.h"

namespace timeslice::runtime {

// Characters that lie side by side.
struct StringPiece {
  uint64_t address = 0;
  uint32_t units = 0;
  bool one_byte = true;  // or two a unit
};

// Where they lie, in order, so many units of them at most. Absent: it is no string, or one that
// contradicts itself or has more pieces than anybody's.
std::optional<std::vector<StringPiece>> string_pieces(V8Heap& heap, uint64_t word,
                                                      uint32_t most_units);
// In UTF-8; a half of a pair becomes U+FFFD. What exceeds `most_units` is cut.
std::optional<std::string> read_string(V8Heap& heap, uint64_t word, uint32_t most_units);
// Of a string, in units.
std::optional<uint32_t> string_length(V8Heap& heap, uint64_t word);

}  // namespace timeslice::runtime
