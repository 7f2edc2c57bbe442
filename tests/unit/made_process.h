// SPDX-License-Identifier: MIT
// A process that never was, with V8 in it from its image to the names on its stack: what a sample
// from outside needs, and nothing else.
#pragma once
#include <string>
#include <vector>

#include "runtime/v8_stack.h"
#include "tests/unit/made_program.h"
#include "tests/unit/made_stack.h"

namespace made_process {

using namespace made_stack;
using made_heap::raw_position;
using made_heap::table;

inline constexpr uint64_t kImage = 0x2000000, kThread = 0x6000000, kIsolate = 0x5000000;
inline constexpr uint64_t kStream = kCompiled + 0x4000;
inline constexpr uint64_t kHandler = kBuiltins + 0x900;  // in a bytecode's handler

// Where its thread is.
enum class Leaf { optimized, baseline, handler, regexp, native, fast_call, deep };
inline constexpr int kLeaves = 7;

class Process : public timeslice::MemoryReader {
 public:
  Process(const made_program::Description& description, Leaf leaf)
      : image_(in_image_, kImage), thread_(load(description)) {
    put_builtins();
    push_frames(leaf);
    put_isolate();
  }
  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override {
    return in_image_.read(address, to, bytes) || thread_.pages.read(address, to, bytes);
  }

  // The built-ins are a part of the program's text, which is mapped a second time.
  [[nodiscard]] static std::vector<ExecutableMapping> mappings() {
    return {{kNative, kNative + 0x1000, 0, false, false},
            {kBuiltins - 0x10000, kBuiltins + 0x20000, 0x100000, true, false},
            {kCompiled, kCompiled + (1 << 20), 0, false, true},
            {0x7e0001000000, 0x7e0001010000, 0x110000, true, false}};
  }
  [[nodiscard]] const V8Registers& registers() const { return registers_; }

 private:
  static constexpr int32_t kExit = 192, kEntry = 344, kFastPc = 0xa0, kFastFrame = 0x68;

  V8Layout load(const made_program::Description& description) {
    using made_program::append, made_program::append_word;
    made_program::add_description(image_, description);
    made_up::Code current;  // mov %fs:-0xa0, %rax
    append(current, {0x55, 0x48, 0x89, 0xe5, 0x64, 0x48, 0x8b, 0x04, 0x25});
    append_word(current, -0xa0);
    append(current, {0x5d, 0xc3});
    image_.add("_ZN2v87Isolate13TryGetCurrentEv", current);
    // Sizes of bytecodes: each is one byte long but for those that begin the table.
    made_up::Code sizes;
    for (const int more : {0, 1, 3}) {
      const size_t row = sizes.size();
      sizes.resize(row + 200, 1);
      for (size_t code = 5; code < 200; ++code)
        sizes[row + code] = static_cast<uint8_t>(2 + more + (code > 7) + (code > 9));
      if (more == 0)
        for (size_t code = 0; code < 11; ++code)
          sizes[code] = static_cast<uint8_t>("\1\1\1\1\1\2\3\4\5\5\6"[code]);
    }
    image_.add("_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE", sizes);
    image_.load();
    V8Layout layout = V8Layout::read(in_image_, *ElfImage::at(in_image_, kImage));
    // What is made has tables of the type that newer ones have.
    if (layout.types.trusted_byte_array == V8Layout::kNoType)
      layout.types.trusted_byte_array = layout.types.byte_array;
    return layout;
  }

  void put_builtins() {
    thread_.pages.map(kBuiltins, 0x10000);
    uint64_t at = kBuiltins + 0x1000;
    const auto put = [&](const made_up::Code& code) {
      thread_.pages.put(at, code.data(), code.size());
      at += code.size();
    };
    for (const int type : {2, 4, 2}) put(made_program::entry(type, kExit, kEntry));
    put(made_program::fast_calls(60, kFastPc, kFastFrame));
  }

  void put_isolate() {
    const V8Isolate& isolate = thread_.isolate;
    const uint64_t root = kIsolate + 128;
    thread_.pages.map(kIsolate, 0x1000);
    thread_.pages.put(kThread - 0xa0, kIsolate);
    thread_.pages.put(root + kExit, isolate.exit_frame);
    thread_.pages.put(root + kFastFrame, isolate.fast_call_frame);
    thread_.pages.put(root + kFastPc, isolate.fast_call_pc);
    thread_.pages.put(root + kEntry, isolate.entry_frame);
  }

  // All kinds of frames, of code, of scripts and of strings.
  void push_frames(Leaf leaf) {
    made_heap::Heap& heap = thread_.heap;
    thread_.push_entry();
    thread_.push_typed(23);
    thread_.push_named("interpreted", 15);
    if (leaf == Leaf::deep)
      for (int i = 0; i < 90; ++i) thread_.push_named("deeper", 25);
    thread_.push_exit();
    thread_.push_entry();
    push_evaluated();
    const uint64_t sort = heap.function(heap.shared(heap.text("sort"), 0, 0));
    thread_.push_function(sort, kBuiltins + 0x200);
    push_baseline();
    if (leaf != Leaf::baseline) push_optimized();
    registers_ = thread_.registers(kHandler);
    if (leaf == Leaf::optimized) registers_.ip = kStream + 0x1000 + header() + 20;
    if (leaf == Leaf::baseline) registers_.ip = kStream + header() + 50;
    if (leaf == Leaf::regexp) {
      thread_.push_typed(31, kBuiltins + 0x400);
      registers_ = thread_.registers(kCompiled + 0x8000);
    }
    if (leaf == Leaf::native) thread_.push_exit();
    if (leaf == Leaf::fast_call) {
      thread_.isolate.fast_call_frame = thread_.bp;
      thread_.isolate.fast_call_pc = kStream + 0x1000 + header() + 20;
      thread_.push(0);
    }
    if (leaf == Leaf::native || leaf == Leaf::fast_call)
      registers_ = thread_.registers(kNative + 16);
    registers_.fs_base = kThread;
  }

  // Of a text without a name, evaluated by a script whose text is of two bytes, of many pieces.
  void push_evaluated() {
    made_heap::Heap& heap = thread_.heap;
    const uint64_t script = thread_.script;
    thread_.script = heap.script(2, "/srv/wide.js", "");
    const uint64_t text =
        heap.cons(heap.wide(u"// \u00e9\r\nlet n = 0;\r"), heap.text("\nf();"), 21);
    heap.set(thread_.script, heap.at.scripts.source, heap.thin(text, 21));
    thread_.function_at("evaluates", 8);
    const uint64_t evaluates = thread_.last_shared;
    thread_.script = heap.script(3, "", "let n = 0;\n");
    heap.set(thread_.script, heap.at.scripts.name, made_heap::small(0));
    heap.set(thread_.script, heap.at.scripts.eval_from_shared, evaluates);
    heap.set(thread_.script, heap.at.scripts.eval_from_position, made_heap::small(-4));
    heap.set(thread_.script, heap.at.scripts.line_ends,
             heap.fixed_array({made_heap::small(10), made_heap::small(11)}));
    thread_.push_named("anonymous", 3);
    thread_.script = script;
  }

  void push_baseline() {
    made_heap::Heap& heap = thread_.heap;
    const uint64_t function = thread_.function_at("based", 45);
    const uint64_t code = heap.code(kStream, 0x200, heap.at.instructions.baseline,
                                    thread_.last_bytecode, std::vector<uint8_t>(9, 8));
    heap.set(thread_.last_shared, heap.at.functions.data, code);
    thread_.push_function(function, kBuiltins + 0x200, thread_.last_bytecode, thread_.context);
  }

  // With another function inlined, whose name is made of pieces.
  void push_optimized() {
    made_heap::Heap& heap = thread_.heap;
    thread_.function_at("inlined", 0);
    const uint64_t inlined = thread_.last_shared;
    thread_.pages.put(0x7000000, "elsewhere", 9);
    const uint64_t pieces =
        heap.cons(heap.sliced(heap.wide(u"xin"), 1, 2), heap.external(0x7000000, 9), 11);
    heap.set(inlined, heap.at.functions.name_or_scope_info, pieces);
    const uint64_t function = thread_.function_at("fast", 5);
    std::vector<uint8_t> inlinings(16);
    inlinings[0] = 42;  // at a position of fast's
    std::vector<uint64_t> data(12, 0);
    data[heap.at.deoptimization.literals] = heap.fixed_array({inlined | 2});
    data[heap.at.deoptimization.shared_function] = thread_.last_shared;
    data[heap.at.deoptimization.inlining_positions] = heap.byte_array(inlinings);
    heap.code(kStream + 0x1000, 0x200, heap.at.instructions.baseline + 2, heap.fixed_array(data),
              table({{8, raw_position(35, 0)}}));
    thread_.push_function(function, kStream + header() + 48);
  }

  [[nodiscard]] uint64_t header() const { return thread_.heap.at.instructions.header; }

  made_up::Memory in_image_;
  made_up::Image image_;
  Thread thread_;
  V8Registers registers_;
};

}  // namespace made_process
