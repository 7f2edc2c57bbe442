// SPDX-License-Identifier: MIT
#include "runtime/v8_layout.h"

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>

#include "base/failure.h"

namespace timeslice::runtime {

namespace {

using Names = std::initializer_list<const char*>;

constexpr int kLargestOffset = 1024;

Failure refusal(const std::string& why) {
  return Failure("cannot name JavaScript functions: " + why);
}

// The integers that V8 exports, by their names.
class Description {
 public:
  Description(MemoryReader& memory, const ElfImage& image) : memory_(memory), image_(image) {}

  std::optional<int> find(const std::string& name) {
    const auto symbol = image_.find(memory_, "v8dbg_" + name);
    return symbol ? memory_.get<int>(symbol->address) : std::nullopt;
  }
  // The first of these that there is: versions spell a field's type in several ways.
  std::optional<uint64_t> offset(Names names) {
    for (const char* name : names) {
      const auto value = find(name);
      if (!value) continue;
      if (*value < 0 || *value > kLargestOffset) throw unknown(name);
      return static_cast<uint64_t>(*value);
    }
    return std::nullopt;
  }
  uint64_t required(Names names) {
    if (const auto found = offset(names)) return *found;
    throw unknown(*names.begin());
  }
  // Below the frame pointer.
  uint64_t below(const char* name, uint64_t otherwise) {
    const auto value = find(name);
    if (!value) return otherwise;
    if (*value > -8 || *value < -256 || *value % 8 != 0) throw unknown(name);
    return static_cast<uint64_t>(-*value);
  }
  std::optional<uint16_t> optional_type(const char* name) {
    const auto value = find(name);
    if (value && (*value < 0 || *value >= V8Layout::kNoType)) throw unknown(name);
    return value ? std::optional(static_cast<uint16_t>(*value)) : std::nullopt;
  }
  uint16_t type(const char* name) {
    if (const auto found = optional_type(name)) return *found;
    throw unknown(name);
  }
  uint16_t type_if_any(const char* name) { return optional_type(name).value_or(V8Layout::kNoType); }

 private:
  static Failure unknown(const char* name) {
    return refusal(
        fmt::format("this V8's objects are of a shape that timeslice doesn't know ({})", name));
  }

  MemoryReader& memory_;
  const ElfImage& image_;
};

void expect_plain_pointers(Description& description) {
  const auto size = description.find("TaggedSize");
  if (!size)
    throw refusal(
        "its V8 doesn't describe itself (no v8dbg_ symbols are exported), as Deno's doesn't");
  if (*size != 8) throw refusal("its V8 compresses pointers, which isn't supported");
  const bool plain = description.find("HeapObjectTag") == 1 &&
                     description.find("HeapObjectTagMask") == 3 &&
                     description.find("SmiTag") == 0 && description.find("SmiTagMask") == 1 &&
                     description.find("SmiShiftSize") == 31;
  if (!plain) throw refusal("its V8 tags values in a way that timeslice doesn't know");
}

constexpr Names kExitFrames = {"ExitFrame",
                               "BuiltinExitFrame",
                               "ApiCallbackExitFrame",
                               "ApiAccessorExitFrame",
                               "ApiNamedAccessorExitFrame",
                               "ApiIndexedAccessorExitFrame",
                               "ApiConstructExitFrame"};
constexpr Names kOtherFrames = {"StubFrame",
                                "InternalFrame",
                                "ConstructFrame",
                                "FastConstructFrame",
                                "BuiltinFrame",
                                "BuiltinContinuationFrame",
                                "JavaScriptBuiltinContinuationFrame",
                                "JavaScriptBuiltinContinuationWithCatchFrame",
                                "TurbofanStubWithContextFrame",
                                "IrregexpFrame",
                                "NativeFrame",
                                "WasmFrame",
                                "WasmToJsFrame",
                                "WasmToJsFunctionFrame",
                                "JsToWasmFrame",
                                "StackSwitchFrame",
                                "WasmDebugBreakFrame",
                                "CWasmEntryFrame",
                                "WasmExitFrame",
                                "WasmLiftoffSetupFrame",
                                "WasmSegmentStartFrame",
                                "WasmJspiFrame",
                                "WasmStackEntryFrame",
                                "WasmStackExitFrame",
                                "WasmCompileLazyFrame"};

V8Layout::Frames read_frames(Description& description) {
  V8Layout::Frames frames;
  frames.context = description.below("off_fp_context", 8);
  frames.function = description.below("off_fp_function", 16);
  frames.bytecode_array = description.below("off_fp_bytecode_array", frames.function + 16);
  frames.bytecode_offset = description.below("off_fp_bytecode_offset", frames.bytecode_array + 8);
  const auto type = [&](const char* name) -> std::optional<uint64_t> {
    const auto found = description.offset({(std::string("frametype_") + name).c_str()});
    return found && *found > 0 && *found < frames.known.size() ? found : std::nullopt;
  };
  frames.entry = description.required({"frametype_EntryFrame"});
  frames.construct_entry = description.required({"frametype_ConstructEntryFrame"});
  frames.builtin_exit = type("BuiltinExitFrame").value_or(0);
  for (const uint64_t entry : {frames.entry, frames.construct_entry})
    if (entry < frames.known.size()) frames.known.set(entry);
  for (const char* name : kExitFrames)
    if (const auto found = type(name)) frames.exits.set(*found);
  frames.known |= frames.exits;
  for (const char* name : kOtherFrames)
    if (const auto found = type(name)) frames.known.set(*found);
  if (frames.exits.none()) throw refusal("its V8 doesn't say which frames lead out of JavaScript");
  return frames;
}

V8Layout::Types read_types(Description& description) {
  V8Layout::Types types;
  types.map = description.type("type_Map__MAP_TYPE");
  const uint16_t function = description.type("type_JSFunction__JS_FUNCTION_TYPE");
  // Constructors of V8's own have types of their own: sixteen, where no range is given.
  types.first_function = description.optional_type("FirstJSFunctionType").value_or(function);
  types.last_function = description.optional_type("LastJSFunctionType")
                            .value_or(static_cast<uint16_t>(types.first_function + 16));
  types.shared_function = description.type("type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE");
  types.shared_function_wrapper =
      description.type_if_any("type_SharedFunctionInfoWrapper__SHARED_FUNCTION_INFO_WRAPPER_TYPE");
  types.code = description.type("type_Code__CODE_TYPE");
  types.instruction_stream =
      description.type_if_any("type_InstructionStream__INSTRUCTION_STREAM_TYPE");
  types.bytecode_array = description.type("type_BytecodeArray__BYTECODE_ARRAY_TYPE");
  types.interpreter_data = description.type_if_any("type_InterpreterData__INTERPRETER_DATA_TYPE");
  types.byte_array = description.type("type_ByteArray__BYTE_ARRAY_TYPE");
  types.trusted_byte_array =
      description.type_if_any("type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE");
  types.fixed_array = description.type("type_FixedArray__FIXED_ARRAY_TYPE");
  types.scope_info = description.type("type_ScopeInfo__SCOPE_INFO_TYPE");
  types.script = description.type("type_Script__SCRIPT_TYPE");
  types.debug_info = description.type_if_any("type_DebugInfo__DEBUG_INFO_TYPE");
  types.first_non_string = description.type("FirstNonstringType");
  return types;
}

V8Layout::Strings read_strings(Description& description) {
  V8Layout::Strings strings;
  strings.representation_mask = description.type("StringRepresentationMask");
  strings.one_byte = description.type("StringEncodingMask");
  strings.sequential = description.type("SeqStringTag");
  strings.cons = description.type("ConsStringTag");
  strings.external = description.type("ExternalStringTag");
  strings.sliced = description.type("SlicedStringTag");
  strings.thin = description.type("ThinStringTag");
  strings.length = description.required({"class_String__length__int32_t"});
  strings.characters = description.required({"class_SeqOneByteString__chars__char"});
  strings.cons_first = description.required({"class_ConsString__first__String"});
  strings.cons_second = description.required({"class_ConsString__second__String"});
  strings.sliced_parent = description.required({"class_SlicedString__parent__String"});
  strings.sliced_offset = description.required({"class_SlicedString__offset__SMI"});
  strings.thin_actual = description.required({"class_ThinString__actual__String"});
  // Whose characters lie elsewhere: a pointer to an object of C++, and then one to them.
  strings.external_data = description.required({"class_ExternalString__resource__Object"}) + 8;
  return strings;
}

V8Layout::Functions read_functions(Description& description) {
  V8Layout::Functions functions;
  functions.shared = description.required({"class_JSFunction__shared__SharedFunctionInfo"});
  functions.code =
      description.offset({"class_JSFunction__code__Tagged_Code_", "class_JSFunction__code__CodeT"})
          .value_or(0);
  functions.data =
      description.offset({"class_SharedFunctionInfo__function_data__Object"}).value_or(8);
  functions.name_or_scope_info = description.required(
      {"class_SharedFunctionInfo__name_or_scope_info__Object",
       "class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_",
       "class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_"});
  functions.script =
      description.required({"class_SharedFunctionInfo__script_or_debug_info__HeapObject",
                            "class_SharedFunctionInfo__script__Tagged_HeapObject_"});
  functions.scope_first_variable = description.required({"scopeinfo_idx_first_vars"});
  if (functions.scope_first_variable != 3 && functions.scope_first_variable != 5)
    throw refusal("its V8 keeps functions' names where timeslice doesn't know");
  return functions;
}

V8Layout::Scripts read_scripts(Description& description) {
  V8Layout::Scripts scripts;
  scripts.source = description.required({"class_Script__source__Object"});
  scripts.name = description.required({"class_Script__name__Object"});
  scripts.line_offset = scripts.name + 8;
  scripts.line_ends = description.required({"class_Script__line_ends__Object"});
  scripts.id = scripts.line_ends + 8;
  scripts.eval_from_shared = scripts.id + 8;
  scripts.eval_from_position = description.required({"class_Script__eval_from_position__SMI"});
  return scripts;
}

// Three shapes: instructions in the Code itself (to V8 10), beside it but described by few names
// (11), and Code that nobody in the heap can forge, "trusted" (from 12 on).
V8Layout::Instructions read_instructions(Description& description, bool trusted) {
  V8Layout::Instructions at{};
  const auto stream = description.offset({"class_InstructionStream__instruction_start__uintptr_t"});
  if (trusted) {
    at.header = description.required({"class_InstructionStream__instruction_start__uintptr_t"});
    at.start = description.required({"class_Code__instruction_start__Address"});
    at.size = description.required({"class_Code__instruction_size__int"});
    at.flags = description.required({"class_Code__flags__uint32_t"});
    at.deoptimization = 8, at.positions = 16;
  } else if (stream) {
    at.header = *stream;
    at.deoptimization = description.required({"class_Code__deoptimization_data__FixedArray"});
    at.positions = description.required({"class_Code__source_position_table__ByteArray"});
    at.start = 40, at.flags = 48, at.size = 56;
  } else {
    at.start = description.required({"class_Code__instruction_start__uintptr_t"});
    at.size = description.required({"class_Code__instruction_size__int"});
    at.flags = description.required({"class_Code__flags__uint32_t"});
    at.deoptimization = 16, at.positions = 24;
  }
  at.kind_mask = description.type("CodeKindFieldMask");
  at.baseline = description.type("CodeKindBaseline");
  return at;
}

V8Layout::Deoptimization read_deoptimization(Description& description) {
  V8Layout::Deoptimization at;
  at.inlined_count =
      description.offset({"DeoptimizationDataInlinedFunctionCountIndex"}).value_or(1);
  at.literals = description.offset({"DeoptimizationDataLiteralArrayIndex"}).value_or(2);
  at.shared_function = description
                           .offset({"DeoptimizationDataWrappedSharedFunctionInfoIndex",
                                    "DeoptimizationDataSharedFunctionInfoIndex"})
                           .value_or(6);
  at.inlining_positions = description.offset({"DeoptimizationDataInliningPositionsIndex"})
                              .value_or(at.shared_function + 1);
  return at;
}

// Nothing else depends on them: where one is missing, properties aren't read.
V8Layout::Properties read_properties(Description& description) {
  V8Layout::Properties at{};
  bool complete = true;
  const auto number = [&](const char* name, const char* or_name = nullptr) {
    auto value = description.find(name);
    if (!value && or_name) value = description.find(or_name);
    complete &= value && *value >= 0;
    return static_cast<uint32_t>(value.value_or(0));
  };
  const auto type = [&](const char* name) { return static_cast<uint16_t>(number(name)); };
  at.plain_object = type("type_JSObject__JS_OBJECT_TYPE");
  at.async_function = type("type_JSAsyncFunctionObject__JS_ASYNC_FUNCTION_OBJECT_TYPE");
  at.async_generator = type("type_JSAsyncGeneratorObject__JS_ASYNC_GENERATOR_OBJECT_TYPE");
  at.first_context = type("FirstContextType");
  at.last_context = type("LastContextType");
  at.bit_field3 = number("class_Map__bit_field3__int");
  at.size_in_words = number("class_Map__instance_size_in_words__char");
  at.first_in_object =
      number("class_Map__inobject_properties_start_or_constructor_function_index__char");
  at.descriptors = number("class_Map__instance_descriptors_offset");
  at.constructor = number("class_Map__constructor_or_back_pointer__Tagged_Object_",
                          "class_Map__constructor_or_back_pointer__Object");
  at.dictionary_shift = number("bit_field3_is_dictionary_map_shift");
  at.count_mask = number("bit_field3_number_of_own_descriptors_mask");
  at.count_shift = number("bit_field3_number_of_own_descriptors_shift");
  at.first_descriptor = number("class_DescriptorArray__header_size__uintptr_t");
  at.kind_mask = number("prop_kind_mask");
  at.location_mask = number("prop_location_mask");
  at.index_mask = number("prop_index_mask");
  at.index_shift = number("prop_index_shift");
  at.further = 8;
  complete &= number("prop_kind_Data") == 0 && number("prop_location_Field") == 0 &&
              number("prop_desc_key") == 0 && number("prop_desc_details") == 1 &&
              number("prop_desc_size") == 3;
  at.known = complete && at.count_shift < 32 && at.index_shift < 32 && at.dictionary_shift < 32;
  return at;
}

}  // namespace

V8Layout V8Layout::read(MemoryReader& memory, const ElfImage& image) {
  Description description(memory, image);
  expect_plain_pointers(description);
  V8Layout layout;
  layout.frames = read_frames(description);
  layout.types = read_types(description);
  layout.strings = read_strings(description);
  layout.functions = read_functions(description);
  layout.scripts = read_scripts(description);
  layout.bytecodes.data = description.required({"class_BytecodeArray__data__uintptr_t"});
  const bool trusted =
      description.offset({"class_Code__instruction_stream__Tagged_InstructionStream_"}).has_value();
  layout.bytecodes.source_positions = trusted ? 24 : 32;
  layout.instructions = read_instructions(description, trusted);
  layout.deoptimization = read_deoptimization(description);
  layout.properties = read_properties(description);
  layout.length = description.required({"class_FixedArrayBase__length__SMI"});
  layout.elements = description.required({"class_FixedArray__data__uintptr_t"});
  layout.instance_type = description.required({"class_Map__instance_type__uint16_t"});
  if (const auto major = image.find(memory, "_ZN2v88internal7Version6major_E"))
    layout.major = memory.get<int>(major->address).value_or(0);
  return layout;
}

}  // namespace timeslice::runtime
