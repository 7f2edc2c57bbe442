// SPDX-License-Identifier: MIT
#include "runtime/v8_naming.h"

#include <algorithm>
#include <cstring>

namespace timeslice::runtime {

namespace {

constexpr uint32_t kLargestTable = 1 << 20;     // bytes
constexpr uint32_t kLargestBytecode = 1 << 20;  // of one function
constexpr int kDeepestInlining = 32;
constexpr size_t kInliningPositionBytes = 16;  // a position, a function's index, padding
constexpr uint64_t kWordsSearched = 48;
// Bytes of optimized code from a call's position to its end. Seen: 5 to 52 (24, 26).
constexpr uint64_t kLongestCall = 64;

}  // namespace

const V8Function* V8Naming::describe(const V8Object& shared) {
  const auto [known, is_new] = functions_.try_emplace(shared.tagged);
  if (is_new) known->second = read_function(heap_, shared.tagged);
  return known->second ? &*known->second : nullptr;
}

std::optional<V8Naming::Seen> V8Naming::look(const V8Frame& frame) {
  const auto shared = heap_.object_field(*frame.function, heap_.layout().functions.shared);
  const V8Function* function = shared ? describe(*shared) : nullptr;
  if (!function) return std::nullopt;
  return Seen{*shared, function, frame};
}

JsFrame V8Naming::named(JsFrameKind kind, const V8Function& function) {
  JsFrame frame;
  frame.kind = function.script ? kind : JsFrameKind::kBuiltin;
  frame.function = function.name;
  return frame;
}

// Without a place of its own (-1), a function is shown about where it begins.
JsFrame V8Naming::made(JsFrameKind kind, const V8Function& function, int text_offset) {
  JsFrame frame = named(kind, function);
  if (!function.script) return frame;
  const uint64_t isolate = ground_.isolate ? ground_.isolate->address : 0;
  const auto script = known_.scripts.find(heap_, *function.script, isolate);
  if (!script) return frame;
  const V8Place place = script->place(text_offset >= 0 ? text_offset : function.start);
  frame.file = script->name;
  frame.line = place.line;
  frame.column = place.column;
  frame.exact = text_offset >= 0 && place.line > 0;
  if (frame.file.empty()) place_evaluated(*function.script, frame);
  return frame;
}

// Text that was evaluated has no file: it is shown where that was done.
void V8Naming::place_evaluated(const V8Object& script, JsFrame& frame) {
  const auto& at = heap_.layout().scripts;
  const auto shared = heap_.object_field(script, at.eval_from_shared);
  const V8Function* from = shared ? describe(*shared) : nullptr;
  if (!from || !from->script) return;
  const uint64_t isolate = ground_.isolate ? ground_.isolate->address : 0;
  const auto outer = known_.scripts.find(heap_, *from->script, isolate);
  // Negative until somebody has asked: an offset in the bytecode, which V8 forgets where it hasn't
  // run for some time.
  int position = heap_.integer_field(script, at.eval_from_position).value_or(-1);
  if (position < 0 && from->bytecode)
    position = text_offset(*from->bytecode, static_cast<uint64_t>(-int64_t{position}));
  if (!outer) return;
  const V8Place place = outer->place(position >= 0 ? position : from->start);
  frame.file = outer->name;
  frame.line = place.line;
  frame.column = place.column;
  frame.exact = false;
  frame.evaluated = true;
}

// The interpreter keeps the bytecode's array and the offset in it in the frame.
std::optional<uint64_t> V8Naming::interpreted_offset(const Seen& seen) {
  const V8Layout& layout = heap_.layout();
  const uint64_t pointer = seen.frame.pointer;
  const auto array = heap_.memory().get<uint64_t>(pointer - layout.frames.bytecode_array);
  const auto word = heap_.memory().get<uint64_t>(pointer - layout.frames.bytecode_offset);
  const auto offset = word ? V8Heap::small_integer(*word) : std::nullopt;
  if (!array || !offset || !heap_.object_of_type(*array, layout.types.bytecode_array))
    return std::nullopt;
  // From the array's tagged pointer.
  const int64_t from_data = int64_t{*offset} + 1 - static_cast<int64_t>(layout.bytecodes.data);
  return from_data >= 0 ? std::optional(static_cast<uint64_t>(from_data)) : std::nullopt;
}

std::optional<std::vector<uint8_t>> V8Naming::table_at(const V8Object& owner, uint64_t offset) {
  const auto word = heap_.field(owner, offset);
  return word ? heap_.byte_array(*word, kLargestTable) : std::nullopt;
}

V8TableForm V8Naming::form_for(const std::optional<V8Object>& bytecode) {
  if (!known_.table_form && bytecode) {
    const auto table = table_at(*bytecode, heap_.layout().bytecodes.source_positions);
    const auto length = heap_.array_length(*bytecode, kLargestBytecode);
    if (table && length) known_.table_form = form_of_bytecode_table(*table, *length);
  }
  const bool newer = heap_.layout().major >= 14;
  return known_.table_form.value_or(newer ? V8TableForm::kFlagged : V8TableForm::kSigned);
}

int V8Naming::text_offset(const V8Object& bytecode, uint64_t offset) {
  const V8TableForm form = form_for(bytecode);
  const auto table = table_at(bytecode, heap_.layout().bytecodes.source_positions);
  const auto position = table ? position_at(*table, form, offset) : std::nullopt;
  return position ? position->text_offset : -1;
}

// Where compiled code of a frame's function runs. 0: nowhere, but the interpreter does. A built-in
// without a frame runs in that of its caller, whose own address is then the first on the stack;
// and so do the interpreter's handlers, whose caller is a built-in, too.
uint64_t V8Naming::pc_in_compiled(const V8Frame& frame) {
  if (ground_.code.is_compiled(frame.pc)) return frame.innermost ? frame.pc : frame.pc - 1;
  if (!frame.innermost) return 0;
  const uint64_t end = std::min(frame.pointer, stack_pointer_ + kWordsSearched * 8);
  for (uint64_t at = stack_pointer_; at < end; at += 8) {
    const auto word = heap_.memory().get<uint64_t>(at);
    if (!word || ground_.code.is_builtin(*word)) break;
    if (ground_.code.is_compiled(*word)) return *word - 1;
  }
  return 0;
}

// Whether the code found is that of the frame's function: at a function's first and last
// instructions the frame is still, or again, its caller's.
bool V8Naming::is_code_of(const V8Instructions& code, const Seen& seen) {
  const V8Layout& layout = heap_.layout();
  auto data = heap_.object_field(code.code, layout.instructions.deoptimization);
  if (!data) return false;
  if (code.kind == layout.instructions.baseline) {
    if (data->type == layout.types.interpreter_data) data = heap_.object_field(*data, 8);
    return data && seen.function->bytecode && data->tagged == seen.function->bytecode->tagged;
  }
  const auto shared = shared_function_at(*data, layout.deoptimization.shared_function);
  return shared && shared->tagged == seen.shared.tagged;
}

bool V8Naming::name_baseline(const Seen& seen, const V8Instructions& code, uint64_t pc,
                             std::vector<JsFrame>& to) {
  const V8Layout& layout = heap_.layout();
  const V8Object& bytecode = *seen.function->bytecode;
  const auto table = table_at(code.code, layout.instructions.positions);
  const auto length = heap_.array_length(bytecode, kLargestBytecode);
  int offset = -1;
  if (table && length && known_.bytecode_sizes.known()) {
    std::vector<uint8_t> bytecodes(*length);
    if (!heap_.memory().read(bytecode.address() + layout.bytecodes.data, bytecodes.data(),
                             bytecodes.size()))
      return false;
    const auto at = bytecode_of_baseline(*table, bytecodes, known_.bytecode_sizes, pc - code.start);
    if (at) offset = text_offset(bytecode, *at);
  }
  to.push_back(made(JsFrameKind::kBaseline, *seen.function, offset));
  return true;
}

std::optional<V8Object> V8Naming::shared_function_at(const V8Object& array, uint64_t index) {
  const V8Layout& layout = heap_.layout();
  const auto word = heap_.element(array, index);
  if (!word) return std::nullopt;
  auto found = heap_.object(*word & ~uint64_t{2});  // the reference may be a weak one
  if (found && found->type == layout.types.shared_function_wrapper)
    found = heap_.object_field(*found, 8);
  const bool fits = found && found->type == layout.types.shared_function;
  return fits ? found : std::nullopt;
}

// One of the inlinings that an optimized function has.
struct V8Naming::Inlining {
  V8Position outer;   // where it is in what it was inlined into
  int function = -1;  // index among the literals
};

std::optional<V8Naming::Inlining> V8Naming::inlining_at(const std::vector<uint8_t>& table,
                                                        int index) {
  const size_t begin = static_cast<size_t>(index) * kInliningPositionBytes;
  if (index < 0 || begin + kInliningPositionBytes > table.size()) return std::nullopt;
  uint64_t outer;
  int32_t function;
  std::memcpy(&outer, table.data() + begin, sizeof(outer));
  std::memcpy(&function, table.data() + begin + sizeof(outer), sizeof(function));
  return Inlining{V8Position::of(outer), function};
}

// A position says which inlining it is in; that one has its own position in what it was inlined
// into, and so on, up to the function itself.
bool V8Naming::name_inlined(const V8Instructions& code, V8Position& position,
                            std::vector<JsFrame>& to) {
  const V8Layout& layout = heap_.layout();
  const auto data = heap_.object_field(code.code, layout.instructions.deoptimization);
  const auto literals_word =
      data ? heap_.element(*data, layout.deoptimization.literals) : std::nullopt;
  const auto literals = literals_word ? heap_.object(*literals_word) : std::nullopt;
  const auto table =
      data ? table_at(*data, layout.elements + 8 * layout.deoptimization.inlining_positions)
           : std::nullopt;
  if (!literals || !table) return false;
  for (int depth = 0; position.inlined >= 0; ++depth) {
    const auto inlining = inlining_at(*table, position.inlined);
    if (depth == kDeepestInlining || !inlining) return false;
    if (inlining->function >= 0) {
      const auto shared = shared_function_at(*literals, static_cast<uint64_t>(inlining->function));
      const V8Function* function = shared ? describe(*shared) : nullptr;
      if (!function) return false;
      to.push_back(made(JsFrameKind::kInlined, *function, position.text_offset));
    }
    position = inlining->outer;
  }
  return true;
}

// Positions are those of calls. Where no call is going on, it is behind the last one, about there;
// calls that are V8's own, as an allocation's that finds no room, stand behind all other code and
// have no positions: of those not even the functions inlined are known.
bool V8Naming::name_optimized(const Seen& seen, const V8Instructions& code, uint64_t pc,
                              std::vector<JsFrame>& to) {
  const size_t first = to.size();
  const auto table = table_at(code.code, heap_.layout().instructions.positions);
  const V8TableForm form = form_for(seen.function->bytecode);
  auto position = table ? position_at(*table, form, pc - code.start) : std::nullopt;
  const uint64_t from = position ? position->from : 0;
  if (position && position->inlined >= 0 && !name_inlined(code, *position, to)) return false;
  const bool calls = pc - code.start - from < kLongestCall;
  if (pc != seen.frame.pc && !calls) to.resize(first);
  to.push_back(
      made(JsFrameKind::kOptimized, *seen.function, position ? position->text_offset : -1));
  if (pc == seen.frame.pc || !calls)
    for (size_t i = first; i < to.size(); ++i) to[i].exact = false;
  return true;
}

// Of a frame whose code isn't found, as in the built-in that ends a baseline function.
JsFrame V8Naming::about(const Seen& seen) {
  const V8Layout& layout = heap_.layout();
  const auto array =
      heap_.memory().get<uint64_t>(seen.frame.pointer - layout.frames.bytecode_array);
  const bool baseline = array && heap_.object_of_type(*array, layout.types.bytecode_array);
  return made(baseline ? JsFrameKind::kBaseline : JsFrameKind::kOptimized, *seen.function, -1);
}

bool V8Naming::name(const V8Frame& frame, std::vector<JsFrame>& to) {
  const auto seen = look(frame);
  if (!seen) return false;
  const V8Function& function = *seen->function;
  if (!function.script) {
    to.push_back(named(JsFrameKind::kBuiltin, function));
    return true;
  }
  const uint64_t pc = pc_in_compiled(frame);
  if (const auto offset = pc ? std::nullopt : interpreted_offset(*seen)) {
    const int at = function.bytecode ? text_offset(*function.bytecode, *offset) : -1;
    to.push_back(made(JsFrameKind::kInterpreted, function, at));
    return true;
  }
  const auto code =
      pc ? known_.instructions.find(heap_, ground_.code, *frame.function, function, pc)
         : std::nullopt;
  if (!code) {
    to.push_back(about(*seen));
    return true;
  }
  if (!is_code_of(*code, *seen)) return false;
  return code->kind == heap_.layout().instructions.baseline ? name_baseline(*seen, *code, pc, to)
                                                            : name_optimized(*seen, *code, pc, to);
}

std::optional<JsFrame> V8Naming::name_only(const V8Object& function) {
  const auto seen = look(V8Frame{0, 0, false, function, 0});
  if (!seen) return std::nullopt;
  return made(JsFrameKind::kInterpreted, *seen->function, -1);
}

}  // namespace timeslice::runtime
