// SPDX-License-Identifier: MIT
// Through which frames does a stack of V8's lead, from the innermost to the outermost? Frames are
// linked by frame pointers; where JavaScript called C++ or was called by it, V8 has noted where the
// next frame of its own is. Nothing is said of what the functions are called.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/v8_code.h"
#include "runtime/v8_heap.h"
#include "runtime/v8_isolate.h"

namespace timeslice::runtime {

// Of a thread's last entry into the kernel: a system call, or an interrupt.
struct V8Registers {
  uint64_t ip = 0, sp = 0, bp = 0, fs_base = 0;
};

struct V8Frame {
  uint64_t pointer = 0;
  uint64_t pc = 0;                   // where it runs or will go on; 0: not known
  bool innermost = false;            // pc is an instruction's beginning, else what follows a call
  std::optional<V8Object> function;  // a JSFunction
  uint64_t type = 0;                 // of a frame that isn't a function's
};

struct V8Walked {
  std::vector<V8Frame> frames;
  bool complete = false;  // to the outermost
  bool bottom_is_microtasks = false;
  std::optional<V8Object> bottom;  // the outermost function
  std::string_view dropped;        // why there are no frames
  bool mappings_outdated = false;  // it leads into code that is in none of them
};

// What a walk stands on.
struct V8Ground {
  V8Heap& heap;
  const V8Code& code;
  const V8IsolateOffsets* offsets = nullptr;
  std::optional<V8Isolate> isolate;
};

V8Walked walk(const V8Ground& ground, const V8Registers& registers, size_t most_functions);

}  // namespace timeslice::runtime
