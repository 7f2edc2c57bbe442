// SPDX-License-Identifier: MIT
// Which isolate (an instance of V8) does a thread run, what does V8 do at the moment, and where did
// JavaScript leave for C++? A thread has a pointer to its isolate, and the isolate begins with the
// words that compiled code needs. Where each of them is follows from the machine code that writes
// it, so there is no table of versions.
#pragma once
#include <cstdint>
#include <optional>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"
#include "runtime/v8_code.h"

namespace timeslice::runtime {

// V8's own states, with its numbers.
enum class V8State : uint32_t {
  kJavaScript = 0,
  kGarbageCollector = 1,
  kParser = 2,
  kBytecodeCompiler = 3,
  kCompiler = 4,
  kOther = 5,
  kExternal = 6,  // C++ that JavaScript called
  kAtomicsWait = 7,
  kIdle = 8,
  kUnknown = 255,
};

// Of a thread's isolate, at one moment. Addresses on the thread's stack; 0: none.
struct V8Isolate {
  uint64_t address = 0;
  uint64_t exit_frame = 0;       // c_entry_fp: at which JavaScript left for C++
  uint64_t fast_call_frame = 0;  // of a function that called C without an exit frame...
  uint64_t fast_call_pc = 0;     // ...and where it will go on
  uint64_t entry_frame = 0;      // js_entry_sp: the outermost at which C++ called JavaScript
  V8State state = V8State::kUnknown;
};

// Where threads keep the address of their isolate: from the base of their %fs. Absent: the code of
// the function that returns it isn't of the form that is known.
std::optional<int64_t> isolate_thread_offset(MemoryReader& memory, const ElfImage& image);
// Where an isolate says that its built-ins are. Empty: it doesn't, where that is looked for.
CodeRange builtins_of_isolate(MemoryReader& memory, uint64_t isolate, const V8Code& code);

class V8IsolateOffsets {
 public:
  // Absent: the built-ins' code isn't of the form that is known.
  static std::optional<V8IsolateOffsets> read(MemoryReader& memory, const ElfImage& image,
                                              const V8Code& code);

  // Of the thread with this base of %fs. Absent: it has none, or it can't be read.
  [[nodiscard]] std::optional<V8Isolate> isolate_of(MemoryReader& memory, uint64_t fs_base) const;
  // Whether the code at this offset from the built-ins' beginning is that by which C++ has
  // microtasks run: the reactions to promises.
  [[nodiscard]] bool enters_microtasks(uint64_t builtin_offset) const {
    return microtasks_entry_.contains(builtin_offset);
  }

 private:
  bool read_entries(const std::vector<uint8_t>& builtins);
  bool read_fast_call(const std::vector<uint8_t>& builtins);

  int64_t thread_offset_ = 0;
  // From the register that compiled code keeps the isolate in.
  int64_t exit_frame_ = 0, fast_call_frame_ = 0, fast_call_pc_ = 0, entry_frame_ = 0;
  CodeRange microtasks_entry_;  // from the built-ins' beginning
};

}  // namespace timeslice::runtime
