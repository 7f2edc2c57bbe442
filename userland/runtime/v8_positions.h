// SPDX-License-Identifier: MIT
// To which place in the source does an offset in bytecode or in machine code belong? V8 keeps that
// in tables of deltas, seven bits a byte. Pure functions over such tables' bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace timeslice::runtime {

using V8Table = std::span<const uint8_t>;

// How an entry's offset is written: before V8 14 as a signed number, negative for an expression;
// since then with two flags below it. Read the wrong way, a table gives plausible wrong lines.
enum class V8TableForm { kSigned, kFlagged };

// Of a table of bytecode so many bytes long: the last entry is that of its return, whose offset is
// the last one. Absent: neither form, or both, would fit.
std::optional<V8TableForm> form_of_bytecode_table(V8Table table, uint64_t bytecode_bytes);

// A place: an offset in the text of a script, and whether it is in a function that was inlined.
struct V8Position {
  int text_offset = -1;  // in units; -1: not known
  int inlined = -1;   // index into the code's inlining positions; -1: it is in the function itself
  uint64_t from = 0;  // the entry's offset in the code

  static V8Position of(uint64_t raw);
};

// Of the last entry that begins at or before the offset. Absent: there is none, or the table is
// broken.
std::optional<V8Position> position_at(V8Table table, V8TableForm form, uint64_t offset);

// Baseline code has, for each bytecode in order, the length of its instructions; the first is that
// of the prologue. `bytecodes` are the function's, `sizes` those of V8 (v8_bytecodes.h). The offset
// of the bytecode whose instructions the offset into the code is in.
class V8BytecodeSizes;
std::optional<uint64_t> bytecode_of_baseline(V8Table table, std::span<const uint8_t> bytecodes,
                                             const V8BytecodeSizes& sizes, uint64_t code_offset);

}  // namespace timeslice::runtime
