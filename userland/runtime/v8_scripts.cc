// SPDX-License-Identifier: MIT
#include "runtime/v8_scripts.h"

#include <algorithm>

#include "runtime/v8_strings.h"

namespace timeslice::runtime {

namespace {

constexpr uint32_t kLongestName = 1024;        // units
constexpr uint32_t kLongestSource = 16 << 20;  // units; of a longer one the lines stay unknown
constexpr size_t kMostLines = 4 << 20;         // that are kept
constexpr size_t kMostScripts = 4096;
constexpr size_t kStep = 256 << 10;  // bytes of a source that are read at once

// V8's own, if it has counted them.
std::vector<uint32_t> counted_by_v8(V8Heap& heap, const V8Object& script) {
  const auto ends = heap.object_field(script, heap.layout().scripts.line_ends);
  if (!ends || ends->type != heap.layout().types.fixed_array) return {};
  const auto length = heap.array_length(*ends, kMostLines / 4);
  if (!length) return {};
  std::vector<uint64_t> words(*length);
  if (!heap.memory().read(ends->address() + heap.layout().elements, words.data(),
                          words.size() * sizeof(uint64_t)))
    return {};
  std::vector<uint32_t> offsets;
  for (const uint64_t word : words) {
    const auto offset = V8Heap::small_integer(word);
    if (!offset || *offset < 0 ||
        (!offsets.empty() && offsets.back() >= static_cast<uint32_t>(*offset)))
      return {};
    offsets.push_back(static_cast<uint32_t>(*offset));
  }
  return offsets;
}

// Collects where lines end, from pieces of the text in their order. As V8 counts: a line ends with
// \n, \r\n, \r, or one of Unicode's two separators.
class LineEnds {
 public:
  void add(uint32_t unit) {
    if (after_return_ && unit != '\n') ends.push_back(at_ - 1);
    after_return_ = unit == '\r';
    if (unit == '\n' || unit == 0x2028 || unit == 0x2029) ends.push_back(at_);
    ++at_;
  }
  std::vector<uint32_t> finish() {
    if (after_return_) ends.push_back(at_ - 1);
    ends.push_back(at_);
    return std::move(ends);
  }
  std::vector<uint32_t> ends;

 private:
  uint32_t at_ = 0;
  bool after_return_ = false;
};

void add_units(const std::vector<uint8_t>& bytes, bool one_byte, LineEnds& lines) {
  if (one_byte)
    for (const uint8_t unit : bytes) lines.add(unit);
  else
    for (size_t i = 0; i + 1 < bytes.size(); i += 2)
      lines.add(bytes[i] | static_cast<uint32_t>(bytes[i + 1]) << 8);
}

std::vector<uint32_t> counted(V8Heap& heap, uint64_t source) {
  const auto length = string_length(heap, source);
  if (!length || *length > kLongestSource) return {};
  const auto pieces = string_pieces(heap, source, kLongestSource);
  if (!pieces) return {};
  LineEnds lines;
  for (const StringPiece& piece : *pieces) {
    const size_t size = size_t{piece.units} * (piece.one_byte ? 1 : 2);
    for (size_t at = 0; at < size; at += kStep) {
      std::vector<uint8_t> bytes(std::min(kStep, size - at));
      if (!heap.memory().read(piece.address + at, bytes.data(), bytes.size())) return {};
      add_units(bytes, piece.one_byte, lines);
    }
    if (lines.ends.size() > kMostLines / 4) return {};
  }
  return lines.finish();
}

}  // namespace

V8Place V8Script::place(int text_offset) const {
  if (text_offset < 0) return {};
  const auto offset = static_cast<uint32_t>(text_offset);
  const auto end = std::lower_bound(line_ends.begin(), line_ends.end(), offset);
  if (end == line_ends.end()) return {};
  const uint32_t begin = end == line_ends.begin() ? 0 : *std::prev(end) + 1;
  return {static_cast<int>(end - line_ends.begin()) + first_line + 1,
          static_cast<int>(offset - begin) + 1};
}

std::shared_ptr<const V8Script> V8Scripts::find(V8Heap& heap, const V8Object& script,
                                                uint64_t isolate) {
  const auto& at = heap.layout().scripts;
  const auto number = heap.integer_field(script, at.id);
  const auto source = heap.field(script, at.source);
  const auto name = heap.field(script, at.name);
  if (script.type != heap.layout().types.script || !number || !source || !name) return nullptr;
  const auto made = std::make_shared<V8Script>();
  made->name = read_string(heap, *name, kLongestName).value_or("");
  const Key key{isolate, *number, string_length(heap, *source).value_or(0), made->name};
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  made->first_line = std::clamp(heap.integer_field(script, at.line_offset).value_or(0), 0, 1 << 30);
  made->line_ends = counted_by_v8(heap, script);
  if (made->line_ends.empty()) made->line_ends = counted(heap, *source);
  if (known_.size() >= kMostScripts || lines_ + made->line_ends.size() > kMostLines) {
    known_.clear();
    lines_ = 0;
  }
  lines_ += made->line_ends.size();
  return known_[key] = made;
}

}  // namespace timeslice::runtime
