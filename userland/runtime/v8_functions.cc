// SPDX-License-Identifier: MIT
#include "runtime/v8_functions.h"

#include "runtime/v8_strings.h"

namespace timeslice::runtime {

namespace {

constexpr uint32_t kLongestName = 256;  // units
constexpr uint64_t kHeader = 8;         // of a ScopeInfo: its map
// A ScopeInfo with more variables than that keeps their names in a table of their own.
constexpr uint64_t kMostNamesInline = 75;
constexpr uint64_t kMostVariables = 1 << 16;

// The flags are a small integer, or 32 bits as they are.
std::optional<uint32_t> scope_flags(V8Heap& heap, const V8Object& scope) {
  const auto word = heap.field(scope, kHeader);
  if (!word) return std::nullopt;
  return static_cast<uint32_t>(*word & 0xffffffff ? *word : *word >> 32);
}

// The words of a ScopeInfo that are there only in some functions, in their order.
class ScopeWords {
 public:
  ScopeWords(V8Heap& heap, const V8Object& scope) : heap_(heap), scope_(scope) {}

  std::optional<uint64_t> at(uint64_t index) { return heap_.field(scope_, kHeader + 8 * index); }
  std::optional<int32_t> integer(uint64_t index) {
    return heap_.integer_field(scope_, kHeader + 8 * index);
  }

 private:
  V8Heap& heap_;
  V8Object scope_;
};

constexpr bool has_class_variable(uint32_t flags) { return flags >> 10 & 1; }
constexpr bool has_name(uint32_t flags) { return flags >> 12 & 3; }
constexpr bool has_inferred_name(uint32_t flags) { return flags >> 14 & 1; }

// Empty where there is none; absent where there is one that can't be read.
std::optional<std::string> name_in(V8Heap& heap, std::optional<uint64_t> word) {
  if (!word) return std::nullopt;
  const auto object = heap.object(*word);
  if (!object || !heap.is_string(*object)) return "";
  return read_string(heap, *word, kLongestName);
}

bool read_scope(V8Heap& heap, const V8Object& scope, V8Function& function) {
  const uint64_t first = heap.layout().functions.scope_first_variable;
  ScopeWords words(heap, scope);
  const auto flags = scope_flags(heap, scope);
  const auto variables = words.integer(2);
  if (!flags || !variables || *variables < 0 || static_cast<uint64_t>(*variables) > kMostVariables)
    return false;
  // Since 12.8 the positions are ahead of the variables.
  if (first == 5) function.start = words.integer(3).value_or(-1);
  const auto count = static_cast<uint64_t>(*variables);
  uint64_t next = first + (count < kMostNamesInline ? 2 * count : 1 + count);
  if (has_class_variable(*flags)) ++next;
  if (has_name(*flags)) {
    const auto name = name_in(heap, words.at(next));
    if (!name) return false;
    function.name = *name;
    next += 2;
  }
  if (has_inferred_name(*flags)) {
    const auto name = name_in(heap, words.at(next));
    if (!name) return false;
    if (function.name.empty()) function.name = *name;
    ++next;
  }
  if (first == 3) function.start = words.integer(next).value_or(-1);
  return true;
}

void read_data(V8Heap& heap, const V8Object& shared, V8Function& function) {
  const V8Layout& layout = heap.layout();
  auto data = heap.object_field(shared, layout.functions.data);
  if (data && data->type == layout.types.code) {
    function.baseline = data;
    data = heap.object_field(*data, layout.instructions.deoptimization);
  }
  if (data && data->type == layout.types.interpreter_data) data = heap.object_field(*data, 8);
  if (data && data->type == layout.types.bytecode_array) function.bytecode = data;
}

}  // namespace

std::optional<V8Function> read_function(V8Heap& heap, uint64_t word) {
  const V8Layout& layout = heap.layout();
  const auto shared = heap.object_of_type(word, layout.types.shared_function);
  if (!shared) return std::nullopt;
  V8Function function;
  const auto name = heap.object_field(*shared, layout.functions.name_or_scope_info);
  if (name && name->type == layout.types.scope_info) {
    if (!read_scope(heap, *name, function)) return std::nullopt;
  } else if (name && heap.is_string(*name)) {
    const auto read = read_string(heap, name->tagged, kLongestName);
    if (!read) return std::nullopt;
    function.name = *read;
  }
  auto script = heap.object_field(*shared, layout.functions.script);
  if (script && script->type == layout.types.debug_info) script = heap.object_field(*script, 16);
  if (script && script->type == layout.types.script) function.script = script;
  read_data(heap, *shared, function);
  return function;
}

}  // namespace timeslice::runtime
