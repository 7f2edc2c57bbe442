// SPDX-License-Identifier: MIT
// Whose instructions is an address in compiled code among? A function may know its Code; what was
// entered in the middle of a loop, and newer functions, don't. But instructions follow a header
// that names their Code: so it is searched for, backwards, and the Code has to agree.
#pragma once
#include <cstdint>
#include <optional>

#include "runtime/v8_code.h"
#include "runtime/v8_functions.h"
#include "runtime/v8_heap.h"

namespace timeslice::runtime {

struct V8Instructions {
  V8Object code;
  uint64_t start = 0, size = 0;
  uint32_t kind = 0;  // V8's own number
};

class V8InstructionSearch {
 public:
  // Of this Code, if they include the address.
  static std::optional<V8Instructions> of(V8Heap& heap, const V8Object& code, uint64_t pc);
  // `function` (a JSFunction) is what runs there, or what called it.
  std::optional<V8Instructions> find(V8Heap& heap, const V8Code& ranges, const V8Object& function,
                                     const V8Function& described, uint64_t pc);

 private:
  std::optional<V8Instructions> backwards(V8Heap& heap, const V8Code& ranges, uint64_t pc);
  std::optional<V8Instructions> header_at(V8Heap& heap, uint64_t address, uint64_t map,
                                          uint64_t pc);

  uint64_t header_map_ = 0;  // of a header found before: it doesn't move
};

}  // namespace timeslice::runtime
