// SPDX-License-Identifier: MIT
#include "runtime/v8_strings.h"

#include <algorithm>

namespace timeslice::runtime {

namespace {

constexpr int kMostVisits = 512;         // strings that one is made of
constexpr uint32_t kLongest = 1u << 29;  // units; V8's own limit is about that
constexpr uint16_t kCharactersUnknown =
    16;  // a bit: an external string that has no pointer to them
constexpr uint32_t kReplacement = 0xfffd;

// A part of a string that is still to be resolved.
struct Part {
  uint64_t word;
  uint32_t from, units;
};

class Resolver {
 public:
  Resolver(V8Heap& heap, uint32_t most_units) : heap_(heap), left_(most_units) {}

  bool resolve(uint64_t word) {
    const auto length = string_length(heap_, word);
    if (!length) return false;
    parts_.push_back({word, 0, *length});
    for (int visits = 0; !parts_.empty() && left_ > 0; ++visits) {
      if (visits == kMostVisits) return false;
      Part part = parts_.back();
      parts_.pop_back();
      part.units = std::min(part.units, left_);
      if (part.units > 0 && !visit(part)) return false;
    }
    return true;
  }
  std::vector<StringPiece> pieces;

 private:
  bool visit(const Part& part) {
    const auto string = heap_.object(part.word);
    const auto length = string_length(heap_, part.word);
    if (!string || !length || part.from > *length || part.units > *length - part.from) return false;
    const auto& at = heap_.layout().strings;
    const int representation = string->type & at.representation_mask;
    if (representation == at.sequential)
      return characters(*string, part, string->address() + at.characters);
    if (representation == at.cons) return both(*string, part);
    if (representation == at.thin) return other(*string, at.thin_actual, part, 0);
    if (representation == at.sliced) {
      const auto offset = heap_.integer_field(*string, at.sliced_offset);
      return offset && *offset >= 0 &&
             other(*string, at.sliced_parent, part, static_cast<uint32_t>(*offset));
    }
    if (representation != at.external || string->type & kCharactersUnknown) return false;
    const auto data = heap_.field(*string, at.external_data);
    return data && characters(*string, part, *data);
  }

  bool characters(const V8Object& string, const Part& part, uint64_t address) {
    const bool one_byte = string.type & heap_.layout().strings.one_byte;
    const uint64_t skipped = uint64_t{part.from} * (one_byte ? 1 : 2);
    if (address > UINT64_MAX / 2) return false;
    pieces.push_back({address + skipped, part.units, one_byte});
    left_ -= part.units;
    return true;
  }

  bool other(const V8Object& string, uint64_t offset, const Part& part, uint32_t from) {
    const auto word = heap_.field(string, offset);
    if (!word || from > kLongest) return false;
    parts_.push_back({*word, part.from + from, part.units});
    return true;
  }

  bool both(const V8Object& string, const Part& part) {
    const auto first = heap_.field(string, heap_.layout().strings.cons_first);
    const auto second = heap_.field(string, heap_.layout().strings.cons_second);
    const auto in_first = first ? string_length(heap_, *first) : std::nullopt;
    if (!second || !in_first) return false;
    const uint32_t end = part.from + part.units;
    if (end > *in_first) {
      const uint32_t from = std::max(part.from, *in_first);
      parts_.push_back({*second, from - *in_first, end - from});
    }
    if (part.from < *in_first)
      parts_.push_back({*first, part.from, std::min(end, *in_first) - part.from});
    return true;
  }

  V8Heap& heap_;
  uint32_t left_;
  std::vector<Part> parts_;  // the next one last
};

void append_utf8(std::string& to, uint32_t point) {
  const auto byte = [&](uint32_t bits) { to += static_cast<char>(bits); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    byte(0xe0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3f));
  } else {
    byte(0xf0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3f));
    byte(0x80 | (point >> 6 & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
}

std::string in_utf8(const std::vector<uint16_t>& units) {
  std::string text;
  for (size_t i = 0; i < units.size(); ++i) {
    const uint32_t unit = units[i];
    if (unit < 0xd800 || unit > 0xdfff) {
      append_utf8(text, unit);
    } else if (unit < 0xdc00 && i + 1 < units.size() && units[i + 1] >> 10 == 0xdc00 >> 10) {
      append_utf8(text, 0x10000 + ((unit & 0x3ff) << 10) + (units[++i] & 0x3ffu));
    } else {
      append_utf8(text, kReplacement);
    }
  }
  return text;
}

bool append_units(MemoryReader& memory, const StringPiece& piece, std::vector<uint16_t>& units) {
  if (piece.one_byte) {
    std::vector<uint8_t> bytes(piece.units);
    if (!memory.read(piece.address, bytes.data(), bytes.size())) return false;
    units.insert(units.end(), bytes.begin(), bytes.end());
    return true;
  }
  const size_t before = units.size();
  units.resize(before + piece.units);
  return memory.read(piece.address, units.data() + before, size_t{piece.units} * 2);
}

}  // namespace

std::optional<uint32_t> string_length(V8Heap& heap, uint64_t word) {
  const auto string = heap.object(word);
  if (!string || !heap.is_string(*string)) return std::nullopt;
  const auto length = heap.memory().get<uint32_t>(string->address() + heap.layout().strings.length);
  return length && *length <= kLongest ? length : std::nullopt;
}

std::optional<std::vector<StringPiece>> string_pieces(V8Heap& heap, uint64_t word,
                                                      uint32_t most_units) {
  Resolver resolver(heap, most_units);
  if (!resolver.resolve(word)) return std::nullopt;
  return std::move(resolver.pieces);
}

std::optional<std::string> read_string(V8Heap& heap, uint64_t word, uint32_t most_units) {
  const auto pieces = string_pieces(heap, word, most_units);
  if (!pieces) return std::nullopt;
  std::vector<uint16_t> units;
  for (const StringPiece& piece : *pieces)
    if (!append_units(heap.memory(), piece, units)) return std::nullopt;
  return in_utf8(units);
}

}  // namespace timeslice::runtime
