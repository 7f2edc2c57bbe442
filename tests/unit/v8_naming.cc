// SPDX-License-Identifier: MIT
// Which function, which line, and how sure: through the interpreter's frames, baseline and
// optimized code, with functions inlined, and text that was evaluated.
#include "runtime/v8_naming.h"

#include "tests/catch.h"
#include "tests/unit/made_stack.h"

using namespace made_stack;
using made_heap::raw_position;
using made_heap::table;
using Names = std::vector<std::string>;

namespace {

constexpr uint64_t kHandler = kBuiltins + 0x900;  // in a bytecode's handler
constexpr uint64_t kStream = kCompiled + 0x4000;  // where code's header is
constexpr uint64_t kStart = kStream + 32;

// Optimized code of the function made last.
uint64_t optimized(Thread& t, const std::vector<uint8_t>& positions, uint64_t literals = 0,
                   const std::vector<uint8_t>& inlinings = {}, uint32_t kind = 12) {
  std::vector<uint64_t> data(10, 0);
  data[t.heap.at.deoptimization.literals] = literals ? literals : t.heap.fixed_array({});
  data[t.heap.at.deoptimization.shared_function] = t.last_shared;
  data[t.heap.at.deoptimization.inlining_positions] = t.heap.byte_array(inlinings);
  return t.heap.code(kStream, 0x200, kind, t.heap.fixed_array(data), positions);
}

void add_inlining(std::vector<uint8_t>& to, uint64_t outer, int32_t function) {
  const size_t at = to.size();
  to.resize(at + 16);
  std::memcpy(to.data() + at, &outer, sizeof(outer));
  std::memcpy(to.data() + at + 8, &function, sizeof(function));
}

// A function of a text that was evaluated at this position of a function that begins at 12.
Names names_evaluated(int position, bool has_bytecode = true) {
  Thread t;
  t.function_at("evaluates", 45);
  t.heap.set(t.last_shared, t.heap.at.functions.name_or_scope_info, t.heap.scope("evaluates", 12));
  if (!has_bytecode) t.heap.set(t.last_shared, t.heap.at.functions.data, 0);
  const uint64_t evaluates = t.last_shared;
  t.script = t.heap.script(2, "", "let n = 0;\n");
  t.heap.set(t.script, t.heap.at.scripts.name, made_heap::small(0));
  t.heap.set(t.script, t.heap.at.scripts.eval_from_shared, evaluates);
  t.heap.set(t.script, t.heap.at.scripts.eval_from_position, made_heap::small(position));
  t.push_entry();
  t.push_named("anonymous", 3);
  t.push(kBuiltins + 0x200);
  return t.names_from(kHandler);
}

}  // namespace

TEST_CASE("interpreted functions are at the line of their bytecode", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("outer", 5);
  t.push_named("inner", 25);
  t.push(kBuiltins + 0x200);
  CHECK(t.names_from(kHandler) == Names{"i inner:3:6", "i outer:1:6"});
}

TEST_CASE("a built-in is named without a line, and its caller below it", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("sorts", 15);
  const uint64_t sort = t.heap.function(t.heap.shared(t.heap.text("sort"), 0, 0));
  t.push_function(sort, kBuiltins + 0x200);
  CHECK(t.names_from(kHandler) == Names{"V sort:~0:0", "i sorts:2:6"});
}

TEST_CASE("a baseline function is at the line of the bytecode whose code it is in", "[v8]") {
  Thread t;
  t.known.bytecode_sizes = V8BytecodeSizes(std::vector<uint8_t>(3 * 5, 1));
  t.push_entry();
  const uint64_t function = t.function_at("based", 45);
  // A prologue of 16, then eight bytecodes of eight bytes of code each: 4 begins at 48.
  std::vector<uint8_t> lengths(9, 8);
  lengths[0] = 16;
  const uint64_t code = t.heap.code(kStream, 0x200, 10, t.last_bytecode, lengths);
  t.heap.set(t.last_shared, t.heap.at.functions.data, code);
  t.push_function(function, kBuiltins + 0x200, t.last_bytecode, t.context);
  CHECK(t.names_from(kStart + 48) == Names{"b based:5:6"});
  CHECK(t.names_from(kStart + 47) == Names{"b based:1:1"});
  // In a built-in without a frame: by the address that it will return to, which is behind the call.
  t.push(kStart + 56);
  CHECK(t.names_from(kHandler) == Names{"b based:5:6"});
  // Without the sizes of bytecodes it is about where the function begins.
  t.known.bytecode_sizes = {};
  CHECK(t.names_from(kHandler) == Names{"b based:~1:1"});
}

TEST_CASE("optimized code is at the call before, and exactly so where it is calling", "[v8]") {
  Thread t;
  t.push_entry();
  const uint64_t function = t.function_at("fast", 5);
  optimized(t, table({{8, raw_position(35)}, {64, raw_position(55)}}));
  t.push_function(function, kBuiltins + 0x200);
  CHECK(t.names_from(kStart + 20) == Names{"o fast:~4:6"});
  CHECK(t.names_from(kStart + 4) == Names{"o fast:~1:1"});
  t.push_named("called", 5);
  t.pages.put(t.bp + 8, kStart + 64);  // it will return there: the call is before
  CHECK(t.names_from(kHandler) == Names{"i called:1:6", "o fast:4:6"});
}

TEST_CASE("a call in optimized code that has no position isn't said to be in what was inlined",
          "[v8]") {
  Thread t;
  t.push_entry();
  t.function_at("inlined", 0);
  const uint64_t inlined = t.last_shared;
  const uint64_t function = t.function_at("fast", 5);
  std::vector<uint8_t> inlinings;
  add_inlining(inlinings, raw_position(35), 0);
  optimized(t, table({{64, raw_position(55, 0)}}), t.heap.fixed_array({inlined}), inlinings);
  t.push_function(function, kBuiltins + 0x200);
  CHECK(t.names_from(kStart + 364) == Names{"< inlined:~6:6", "o fast:~4:6"});
  t.push_named("called", 5);
  const auto names_returning_to = [&](uint64_t offset) {
    t.pages.put(t.bp + 8, kStart + offset);
    return t.names_from(kHandler);
  };
  const std::string called = "i called:1:6";
  CHECK(names_returning_to(64 + 52) == Names{called, "< inlined:6:6", "o fast:4:6"});
  CHECK(names_returning_to(64 + 300) == Names{called, "o fast:~4:6"});
}

TEST_CASE("functions inlined into optimized code are named where they are", "[v8]") {
  Thread t;
  t.push_entry();
  t.function_at("innermost", 0);
  const uint64_t innermost = t.last_shared;
  t.function_at("middle", 0);
  const uint64_t middle = t.last_shared;
  const uint64_t function = t.function_at("outer", 0);
  std::vector<uint8_t> inlinings;
  add_inlining(inlinings, raw_position(15), 0);     // middle, in outer's line 2
  add_inlining(inlinings, raw_position(35, 0), 1);  // innermost, in middle's line 4
  optimized(t, table({{8, raw_position(75, 1)}}), t.heap.fixed_array({middle, innermost | 2}),
            inlinings);
  t.push_function(function, kBuiltins + 0x200);
  CHECK(t.names_from(kStart + 20) == Names{"< innermost:~8:6", "< middle:~4:6", "o outer:~2:6"});
}

TEST_CASE("inlinings that lead in a circle, or nowhere, put the frame in doubt", "[v8]") {
  const auto names = [](uint64_t position, std::vector<uint8_t> inlinings, bool literals) {
    Thread t;
    t.push_entry();
    const uint64_t function = t.function_at("outer", 0);
    optimized(t, table({{8, position}}),
              t.heap.fixed_array({literals ? t.last_shared : made_heap::small(1)}), inlinings);
    t.push_function(function, kBuiltins + 0x200);
    return t.names_from(kStart + 20);
  };
  std::vector<uint8_t> circle, plain;
  add_inlining(circle, raw_position(15, 0), 0);
  add_inlining(plain, raw_position(15), 0);
  CHECK(names(raw_position(5, 0), plain, true).size() == 2);
  CHECK(names(raw_position(5, 0), circle, true).empty());
  CHECK(names(raw_position(5, 1), plain, true).empty());   // there is no second inlining
  CHECK(names(raw_position(5, 0), plain, false).empty());  // of no function
}

TEST_CASE("code that is another function's puts the frame in doubt", "[v8]") {
  Thread t;
  t.push_entry();
  t.function_at("callee", 0);
  optimized(t, table({{8, raw_position(35)}}));
  const uint64_t caller = t.function_at("caller", 5);
  t.push_function(caller, kBuiltins + 0x200);
  // The callee's first instruction: the frame is still its caller's.
  CHECK(t.names_from(kStart).empty());
}

TEST_CASE("code entered in the middle of a loop goes before the interpreter's words", "[v8]") {
  Thread t;
  t.push_entry();
  const uint64_t function = t.function_at("loops", 5);
  optimized(t, table({{8, raw_position(35)}}));
  t.push_interpreted(function, t.last_bytecode, 4);
  CHECK(t.names_from(kStart + 20) == Names{"o loops:~4:6"});
  t.push(kStart + 20);
  CHECK(t.names_from(kHandler) == Names{"o loops:4:6"});
  t.push(kBuiltins + 0x200);
  CHECK(t.names_from(kHandler) == Names{"i loops:1:6"});
}

TEST_CASE("evaluated text is shown where it was evaluated", "[v8]") {
  CHECK(names_evaluated(45) == Names{"i anonymous:~5:6 evaluated"});  // in the text
  CHECK(names_evaluated(-4) == Names{"i anonymous:~5:6 evaluated"});  // in the bytecode
}

TEST_CASE("of what V8 has forgotten the bytecode, evaluated text is shown where that begins",
          "[v8]") {
  CHECK(names_evaluated(-4, false) == Names{"i anonymous:~2:3 evaluated"});
  CHECK(names_evaluated(45, false) == Names{"i anonymous:~5:6 evaluated"});
}

TEST_CASE("which form tables have is learnt from the first that shows it", "[v8]") {
  Thread t;
  t.push_entry();
  const uint64_t function = t.function_at("newer", 0);
  t.heap.set(t.last_bytecode, t.heap.at.bytecodes.source_positions,
             t.heap.byte_array(table(
                 {{0, raw_position(0)}, {4, raw_position(65)}, {7, raw_position(99)}}, true)));
  t.push_interpreted(function, t.last_bytecode, 4);
  t.push(kBuiltins + 0x200);
  CHECK(t.names_from(kHandler) == Names{"i newer:7:6"});
  CHECK(t.known.table_form == V8TableForm::kFlagged);
}
