// SPDX-License-Identifier: MIT
// A thread of V8's that never was: its heap, its stack, its code and its isolate. Frames are pushed
// from the outermost to the innermost, as they are when functions are called.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/v8_naming.h"
#include "runtime/v8_walk.h"
#include "tests/unit/made_heap.h"

namespace made_stack {

using namespace timeslice::runtime;

inline constexpr uint64_t kBuiltins = 0x400000, kCompiled = 0x800000, kNative = 0x10000;
inline constexpr uint64_t kStackEnd = 0x7fff0000, kStackBytes = 1 << 20;

struct Thread {
  explicit Thread(const V8Layout& layout = made_heap::layout()) : heap(pages, layout) {
    pages.map(kStackEnd - kStackBytes, kStackBytes);
    pages.map(kCompiled, 1 << 20);
    sp = kStackEnd - 64;
    isolate.address = 0x5000000;
  }

  uint64_t push(uint64_t word) {
    sp -= 8;
    pages.put(sp, word);
    return sp;
  }
  // A return address, and the caller's frame pointer: the new frame's begins here.
  void enter(uint64_t return_address) {
    push(return_address);
    bp = push(bp);
  }
  // C++ calls JavaScript, and V8 has noted where it had left before.
  void push_entry() {
    enter(kNative);
    if (isolate.entry_frame == 0) isolate.entry_frame = bp;
    push(heap.at.frames.entry << 1);
    for (int saved = 0; saved < 6; ++saved) push(0);
    push(isolate.exit_frame);
    isolate.exit_frame = 0;
  }
  // A built-in's frame, of a type that isn't a function's.
  void push_typed(uint64_t type, uint64_t return_address = kBuiltins + 0x100) {
    enter(return_address);
    push(type << 1);
    push(0);
  }
  void push_function(uint64_t function, uint64_t return_address, uint64_t bytecode = 0,
                     uint64_t offset_word = 0) {
    enter(return_address);
    push(context);
    push(function);
    push(1 << 1);  // arguments
    push(bytecode);
    push(offset_word);
    push(0);
  }
  void push_interpreted(uint64_t function, uint64_t bytecode, int offset) {
    const int64_t from_pointer = offset + static_cast<int64_t>(heap.at.bytecodes.data) - 1;
    push_function(function, kBuiltins + 0x200, bytecode, made_heap::small(from_pointer));
  }
  // JavaScript calls C++.
  void push_exit() {
    push_typed(3, kBuiltins + 0x300);
    isolate.exit_frame = bp;
  }

  // A function of a script, whose text is ten lines of ten characters; it is at the interpreter's
  // bytecode 4, which is that of the text's character `at`.
  uint64_t function_at(const std::string& name, int at) {
    const uint64_t bytecode = heap.bytecode(std::vector<uint8_t>(8, 4),
                                            made_heap::table({{0, made_heap::raw_position(0)},
                                                              {4, made_heap::raw_position(at)},
                                                              {7, made_heap::raw_position(99)}}));
    last_bytecode = bytecode;
    last_shared = heap.shared(heap.scope(name, 0), script, bytecode);
    return heap.function(last_shared);
  }
  void push_named(const std::string& name, int at) {
    const uint64_t function = function_at(name, at);
    push_interpreted(function, last_bytecode, 4);
  }

  [[nodiscard]] V8Registers registers(uint64_t ip) const { return {ip, sp, bp, 0}; }
  V8Walked walk_from(uint64_t ip, size_t most = 64) {
    V8Heap view(pages, heap.at);
    const V8Ground ground{view, code, nullptr,
                          with_isolate ? std::optional(isolate) : std::nullopt};
    return walk(ground, registers(ip), most);
  }
  // "KIND NAME:LINE:COLUMN" of each, "~" before the line if it is about there; empty: in doubt.
  std::vector<std::string> names_from(uint64_t ip) {
    V8Heap view(pages, heap.at);
    const V8Ground ground{view, code, nullptr,
                          with_isolate ? std::optional(isolate) : std::nullopt};
    const V8Walked walked = walk(ground, registers(ip), 64);
    V8Naming naming(ground, known, sp);
    std::vector<JsFrame> frames;
    for (const V8Frame& frame : walked.frames)
      if (frame.function && !naming.name(frame, frames)) return {};
    std::vector<std::string> names;
    for (const JsFrame& frame : frames)
      names.push_back(std::string(1, "ibo<V>"[static_cast<size_t>(frame.kind)]) + " " +
                      frame.function + ":" + (frame.exact ? "" : "~") + std::to_string(frame.line) +
                      ":" + std::to_string(frame.column) + (frame.evaluated ? " evaluated" : ""));
    return names;
  }

  made_heap::Pages pages;
  made_heap::Heap heap;
  V8Code code{{{kNative, kNative + 0x1000, 0, true, false},
               {kCompiled, kCompiled + (1 << 20), 0, false, true}},
              {kBuiltins, kBuiltins + 0x10000}};
  V8Known known;
  V8Isolate isolate;
  bool with_isolate = true;
  uint64_t context = heap.object(220, 64);
  uint64_t script = heap.script(1, "/srv/app.js", lines());
  uint64_t last_bytecode = 0, last_shared = 0;
  uint64_t sp = 0, bp = 0;

 private:
  static std::string lines() {
    std::string text;
    for (int line = 0; line < 10; ++line) text += "123456789\n";
    return text;
  }
};

}  // namespace made_stack
