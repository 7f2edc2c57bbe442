// SPDX-License-Identifier: MIT
// How do V8's frames and objects lie in memory? V8 says so itself: it exports several hundred
// integers for debuggers (v8dbg_...), stripped or not. What it leaves out follows from the shape
// that they show; a shape that isn't known is refused with a reason, for a guess would name the
// wrong function. Offsets are in bytes from an object's beginning, where its map is.
#pragma once
#include <bitset>
#include <cstdint>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"

namespace timeslice::runtime {

struct V8Layout {
  // Throws a Failure that says why this program's V8 can't be read.
  static V8Layout read(MemoryReader& memory, const ElfImage& image);

  static constexpr uint16_t kNoType = 0xffff;  // of an object that this V8 doesn't have

  // Where a frame's words lie: so far below its frame pointer. A frame that isn't a function's has
  // its type there instead of a context, shifted by one.
  struct Frames {
    uint64_t context = 8, function = 16, bytecode_array = 32, bytecode_offset = 40;
    uint64_t entry = 1, construct_entry = 2, builtin_exit = 0;
    std::bitset<64> known;  // the types that there are
    std::bitset<64> exits;  // those at which JavaScript left for C++
  } frames;

  // The instance types that maps have.
  struct Types {
    uint16_t map, first_function, last_function, shared_function, shared_function_wrapper;
    uint16_t code, instruction_stream, bytecode_array, interpreter_data, byte_array;
    uint16_t trusted_byte_array, fixed_array, scope_info, script, debug_info;
    uint16_t first_non_string;
  } types;

  struct Strings {
    uint16_t representation_mask, one_byte;             // bits of an instance type
    uint16_t sequential, cons, external, sliced, thin;  // representations
    uint64_t length, characters, cons_first, cons_second, sliced_parent, sliced_offset, thin_actual;
    uint64_t external_data;
  } strings;

  struct Functions {
    uint64_t shared, code;  // of a JSFunction; code 0: it has none, but a handle
    uint64_t data, name_or_scope_info, script;  // of what its closures share
    uint64_t scope_first_variable;  // word of a ScopeInfo's header where its variables begin
  } functions;

  struct Scripts {
    uint64_t source, name, line_offset, line_ends, id, eval_from_shared, eval_from_position;
  } scripts;

  struct Bytecodes {
    uint64_t source_positions, data;  // of a BytecodeArray; its length is a fixed array's
  } bytecodes;

  // Code describes instructions. They lie in an object of their own, an instruction stream, behind
  // its header; or, in older ones (header 0), in the Code itself, from `start` on.
  struct Instructions {
    uint64_t header, start, size, flags, deoptimization, positions;
    uint32_t kind_mask, baseline;  // of the flags; higher kinds are optimized
  } instructions;

  // Indices into deoptimization data.
  struct Deoptimization {
    uint64_t inlined_count, literals, shared_function, inlining_positions;
  } deoptimization;

  // Of plain objects. Where their names lie is in their maps.
  struct Properties {
    bool known = false;  // else nothing of the following is
    uint16_t plain_object, async_function, async_generator, first_context, last_context;  // types
    // Of a map. Its descriptors are three words each: name, details, value.
    uint64_t bit_field3, size_in_words, first_in_object, descriptors, constructor;
    uint32_t dictionary_shift, count_mask, count_shift;          // of bit_field3
    uint64_t first_descriptor;                                   // in the array of descriptors
    uint32_t kind_mask, location_mask, index_mask, index_shift;  // of details; 0: value, field
    uint64_t further;  // of an object: the array of properties that have no place in it
  } properties;

  int major = 0;  // version; 0: not known

  uint64_t length = 8, elements = 16;  // of any array
  uint64_t instance_type = 12;         // of a map
};

}  // namespace timeslice::runtime
