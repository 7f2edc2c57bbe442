// SPDX-License-Identifier: MIT
// Are a thread's isolate and its words found by the machine code that looks for them, and where
// V8's code is by the mappings? The code is that of Node's builds, GCC's and Clang's.
#include "runtime/v8_isolate.h"

#include "tests/catch.h"
#include "tests/unit/made_program.h"

namespace timeslice::runtime {

namespace {

using made_program::append;
using made_program::append_word;
using made_program::entry;
using made_program::fast_calls;
using made_up::Code;
using made_up::Image;
using made_up::Memory;

constexpr uint64_t kBase = 0x400000, kText = 0x800000, kBuiltins = kText + 0x4000;
constexpr uint64_t kBuiltinsSize = 0x4000, kThread = 0x7f0000001000, kIsolate = 0x7f0000100000;
constexpr const char* kTryGetCurrent = "_ZN2v87Isolate13TryGetCurrentEv";

struct Program {
  Memory memory;
  Image image{memory, kBase, Image::Kind::fixed};
  int32_t exit_frame = 192, entry_frame = 344, fast_pc = 0xa0, fast_frame = 0x68;
  Code current;  // TryGetCurrent
  int calls = 200;

  Program() {
    append(current, {0x55, 0x48, 0x89, 0xe5, 0x64, 0x48, 0x8b, 0x04, 0x25});
    append_word(current, -0xa0);
    append(current, {0x5d, 0xc3});
  }
  [[nodiscard]] static std::vector<ExecutableMapping> mappings() {
    return {{kText, kText + 0x10000, 0x100000, true, false},
            {0x7e0000000000, 0x7e0000010000, 0, false, true},
            {0x7e0001000000, 0x7e0001000000 + kBuiltinsSize, 0x104000, true, false}};
  }
  std::optional<V8IsolateOffsets> read() {
    image.add(kTryGetCurrent, current);
    image.load();
    memory.block(kBuiltins, kBuiltinsSize);
    uint64_t at = kBuiltins + 0x1000;
    for (const int type : {2, 4, 2}) {
      const Code code = entry(type, exit_frame, entry_frame);
      memory.put(at, code.data(), code.size());
      at += code.size();
    }
    const Code code = fast_calls(calls, fast_pc, fast_frame);
    memory.put(at, code.data(), code.size());
    return V8IsolateOffsets::read(memory, *ElfImage::at(memory, kBase), V8Code(mappings()));
  }
  std::optional<V8Isolate> isolate(const V8IsolateOffsets& offsets) {
    memory.block(kThread - 0x1000, 0x2000);
    memory.block(kIsolate, 0x1000);
    memory.put(kThread - 0xa0, kIsolate);
    const uint64_t root = kIsolate + 128;
    memory.put(root + 192, uint64_t{0x111});
    memory.put(root + 0x68, uint64_t{0x222});
    memory.put(root + 0xa0, uint64_t{0x333});
    memory.put(root + 344, uint64_t{0x444});
    memory.put(root + 344 + 16, 1);
    return offsets.isolate_of(memory, kThread);
  }
};

}  // namespace

TEST_CASE("an isolate's words are where the built-ins' code writes them", "[v8]") {
  Program program;
  const auto offsets = program.read();
  REQUIRE(offsets);
  const auto isolate = program.isolate(*offsets);
  REQUIRE(isolate);
  CHECK(isolate->address == kIsolate);
  CHECK(isolate->exit_frame == 0x111);
  CHECK(isolate->fast_call_frame == 0x222);
  CHECK(isolate->fast_call_pc == 0x333);
  CHECK(isolate->entry_frame == 0x444);
  CHECK(isolate->state == V8State::kGarbageCollector);
  // The third entry is that of microtasks.
  CHECK_FALSE(offsets->enters_microtasks(0x1210));
  CHECK(offsets->enters_microtasks(0x1410));
  CHECK_FALSE(offsets->enters_microtasks(0x1600));
}

TEST_CASE("a thread's variable is at an offset that the loader wrote, or that the code has",
          "[v8]") {
  Program program;
  program.current.clear();
  // mov 0x1000(%rip), %rax; pop %rbp; mov %fs:(%rax), %rax; ret: the slot is in the image.
  append(program.current, {0x48, 0x8b, 0x05});
  append_word(program.current, 0x1000);
  append(program.current, {0x5d, 0x64, 0x48, 0x8b, 0x00, 0xc3});
  program.read();
  program.memory.put(kBase + Image::kCode + 7 + 0x1000, int64_t{-0xa0});
  const auto offsets = V8IsolateOffsets::read(program.memory, *ElfImage::at(program.memory, kBase),
                                              V8Code(Program::mappings()));
  REQUIRE(offsets);
  CHECK(program.isolate(*offsets)->address == kIsolate);
}

TEST_CASE("code that isn't of the known form gives no offsets", "[v8]") {
  const auto changed = [](auto change) {
    Program program;
    change(program);
    return program.read().has_value();
  };
  CHECK(changed([](Program&) {}));
  CHECK_FALSE(changed([](Program& p) { p.current = {0x31, 0xc0, 0xc3}; }));
  CHECK_FALSE(changed([](Program& p) { p.calls = 10; }));
  CHECK_FALSE(changed([](Program& p) { p.exit_frame = -5000; }));
  CHECK_FALSE(changed([](Program& p) { p.entry_frame = 1 << 24; }));
}

TEST_CASE("a thread without an isolate, or with one that can't be read, has none", "[v8]") {
  Program program;
  const auto offsets = program.read();
  program.isolate(*offsets);
  program.memory.put(kThread - 0xa0, uint64_t{0});
  CHECK_FALSE(offsets->isolate_of(program.memory, kThread));
  program.memory.put(kThread - 0xa0, uint64_t{0x123450});
  CHECK_FALSE(offsets->isolate_of(program.memory, kThread));
  CHECK_FALSE(offsets->isolate_of(program.memory, 0x5000));
}

TEST_CASE("without a second mapping an isolate says where its built-ins are", "[v8]") {
  Program program;
  program.image.load();
  program.memory.block(kIsolate, 0x2000);
  program.memory.block(0x6000000, 0x1000);
  const V8Code code({{kText, kText + (2 << 20), 0, true, false}});
  const auto ask = [&] { return builtins_of_isolate(program.memory, kIsolate, code); };
  CHECK(ask().empty());
  // Functions' addresses, side by side in a table, may look like that.
  const uint64_t functions[] = {kText, kText + 0x1000, kText + 0x2000, 0x9000};
  program.memory.put(kIsolate + 0x100, functions);
  CHECK(ask().empty());
  const uint64_t unmapped[] = {kText, 4 << 20, 0x6000000, 0x9000};
  program.memory.put(kIsolate + 0x200, unmapped);
  CHECK(ask().empty());
  const uint64_t blob[] = {kText + 0x3000, 1 << 20, 0x6000000, 0x9000};
  program.memory.put(kIsolate + 0x1048, blob);
  CHECK(ask().start == kText + 0x3000);
  CHECK(ask().end == kText + 0x3000 + (1 << 20));
}

TEST_CASE("built-ins are where a part of the program's file is mapped a second time", "[v8]") {
  const V8Code code(Program::mappings());
  CHECK(code.builtins().start == kBuiltins);
  CHECK(code.builtins().end == kBuiltins + kBuiltinsSize);
  CHECK(code.is_builtin(kBuiltins + 8));
  CHECK(code.is_builtin(0x7e0001000008));
  CHECK(code.builtin_offset(0x7e0001000008) == 8);
  CHECK_FALSE(code.is_builtin(kBuiltins - 8));  // other code of the program's
  CHECK(code.is_compiled(0x7e0000000008));
  CHECK_FALSE(code.contains(kText + 8));
  CHECK(code.is_mapped(kText + 8));
  CHECK_FALSE(code.is_mapped(0x999999));
  // Without a second mapping, where the program says.
  auto mappings = Program::mappings();
  mappings.pop_back();
  CHECK(V8Code(mappings).builtins().empty());
  CHECK(V8Code(mappings, {kBuiltins, kBuiltins + 64}).is_builtin(kBuiltins + 8));
}

}  // namespace timeslice::runtime
