// SPDX-License-Identifier: MIT
#include "runtime/v8_instructions.h"

namespace timeslice::runtime {

namespace {

constexpr uint64_t kPage = 4096;
constexpr int kMostPages = 80;  // of one function's instructions

}  // namespace

std::optional<V8Instructions> V8InstructionSearch::of(V8Heap& heap, const V8Object& code,
                                                      uint64_t pc) {
  const V8Layout& layout = heap.layout();
  const auto& at = layout.instructions;
  if (code.type != layout.types.code) return std::nullopt;
  V8Instructions found{code, code.address() + at.start};
  if (at.header != 0) {
    const auto start = heap.field(code, at.start);
    if (!start) return std::nullopt;
    found.start = *start;
  }
  const auto size = heap.memory().get<uint32_t>(code.address() + at.size);
  const auto flags = heap.memory().get<uint32_t>(code.address() + at.flags);
  if (!size || !flags || pc < found.start || pc - found.start > *size) return std::nullopt;
  found.size = *size;
  found.kind = *flags & at.kind_mask;
  return found;
}

std::optional<V8Instructions> V8InstructionSearch::find(V8Heap& heap, const V8Code& ranges,
                                                        const V8Object& function,
                                                        const V8Function& described, uint64_t pc) {
  if (const uint64_t at = heap.layout().functions.code) {
    const auto code = heap.object_field(function, at);
    if (const auto found = code ? of(heap, *code, pc) : std::nullopt) return found;
  }
  if (described.baseline)
    if (const auto found = of(heap, *described.baseline, pc)) return found;
  return backwards(heap, ranges, pc);
}

// The header's first words: its map, and (where instructions are apart) its Code.
std::optional<V8Instructions> V8InstructionSearch::header_at(V8Heap& heap, uint64_t address,
                                                             uint64_t map, uint64_t pc) {
  const V8Layout& layout = heap.layout();
  const uint64_t header = layout.instructions.header;
  const auto object = heap.object(address + 1);
  if (!object || object->type != (header ? layout.types.instruction_stream : layout.types.code))
    return std::nullopt;
  const auto code = header ? heap.object_field(*object, 8) : object;
  const auto found = code ? of(heap, *code, pc) : std::nullopt;
  if (!found || (header && found->start != address + header)) return std::nullopt;
  header_map_ = map;
  return found;
}

std::optional<V8Instructions> V8InstructionSearch::backwards(V8Heap& heap, const V8Code& ranges,
                                                             uint64_t pc) {
  uint64_t words[kPage / 8];
  uint64_t page = pc / kPage * kPage;
  size_t count = pc % kPage / 8 + 1;
  for (int pages = 0; pages < kMostPages; ++pages, page -= kPage, count = kPage / 8) {
    if (!ranges.is_compiled(page) || !heap.memory().read(page, words, count * 8))
      return std::nullopt;
    for (size_t i = count; i-- > 0;) {
      const bool may_be =
          header_map_ ? words[i] == header_map_ : V8Heap::looks_like_object(words[i]);
      if (!may_be) continue;
      if (const auto found = header_at(heap, page + i * 8, words[i], pc)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace timeslice::runtime
