// SPDX-License-Identifier: MIT
// Is V8's description of itself read right, and is a V8 refused that can't be read? The integers
// are those that Node 20 and Node 24 export, as far as they are asked for.
#include "runtime/v8_layout.h"

#include "base/failure.h"
#include "runtime/v8_isolate.h"
#include "tests/catch.h"
#include "tests/unit/made_up_memory.h"

namespace timeslice::runtime {

namespace {

using Description = std::map<std::string, int>;
using made_up::Code;
using made_up::Image;
using made_up::Memory;

constexpr uint64_t kBase = 0x400000;

const Description kNode20 = {{"CodeKindBaseline", 11},
                             {"CodeKindFieldMask", 15},
                             {"ConsStringTag", 1},
                             {"DeoptimizationDataInlinedFunctionCountIndex", 1},
                             {"DeoptimizationDataInliningPositionsIndex", 7},
                             {"DeoptimizationDataLiteralArrayIndex", 2},
                             {"DeoptimizationDataSharedFunctionInfoIndex", 6},
                             {"ExternalStringTag", 2},
                             {"FirstNonstringType", 128},
                             {"HeapObjectTag", 1},
                             {"HeapObjectTagMask", 3},
                             {"SeqStringTag", 0},
                             {"SlicedStringTag", 3},
                             {"SmiShiftSize", 31},
                             {"SmiTag", 0},
                             {"SmiTagMask", 1},
                             {"StringEncodingMask", 8},
                             {"StringRepresentationMask", 7},
                             {"TaggedSize", 8},
                             {"ThinStringTag", 5},
                             {"_ZN2v88internal7Version6major_E", 11},
                             {"class_BytecodeArray__data__uintptr_t", 54},
                             {"class_Code__deoptimization_data__FixedArray", 16},
                             {"class_Code__source_position_table__ByteArray", 24},
                             {"class_ConsString__first__String", 16},
                             {"class_ConsString__second__String", 24},
                             {"class_ExternalString__resource__Object", 16},
                             {"class_FixedArrayBase__length__SMI", 8},
                             {"class_FixedArray__data__uintptr_t", 16},
                             {"class_InstructionStream__instruction_start__uintptr_t", 16},
                             {"class_JSFunction__shared__SharedFunctionInfo", 24},
                             {"class_Map__instance_type__uint16_t", 12},
                             {"class_Script__eval_from_position__SMI", 80},
                             {"class_Script__line_ends__Object", 56},
                             {"class_Script__name__Object", 16},
                             {"class_Script__source__Object", 8},
                             {"class_SeqOneByteString__chars__char", 16},
                             {"class_SharedFunctionInfo__function_data__Object", 8},
                             {"class_SharedFunctionInfo__name_or_scope_info__Object", 16},
                             {"class_SharedFunctionInfo__script_or_debug_info__HeapObject", 32},
                             {"class_SlicedString__offset__SMI", 24},
                             {"class_SlicedString__parent__String", 16},
                             {"class_String__length__int32_t", 12},
                             {"class_ThinString__actual__String", 16},
                             {"frametype_ConstructEntryFrame", 2},
                             {"frametype_EntryFrame", 1},
                             {"off_fp_bytecode_array", -32},
                             {"off_fp_bytecode_offset", -40},
                             {"off_fp_context", -8},
                             {"off_fp_function", -16},
                             {"scopeinfo_idx_first_vars", 3},
                             {"type_ByteArray__BYTE_ARRAY_TYPE", 190},
                             {"type_BytecodeArray__BYTECODE_ARRAY_TYPE", 191},
                             {"type_Code__CODE_TYPE", 245},
                             {"type_DebugInfo__DEBUG_INFO_TYPE", 153},
                             {"type_FixedArray__FIXED_ARRAY_TYPE", 175},
                             {"type_InstructionStream__INSTRUCTION_STREAM_TYPE", 252},
                             {"type_InterpreterData__INTERPRETER_DATA_TYPE", 159},
                             {"type_JSFunction__JS_FUNCTION_TYPE", 2066},
                             {"type_Map__MAP_TYPE", 255},
                             {"type_ScopeInfo__SCOPE_INFO_TYPE", 261},
                             {"type_Script__SCRIPT_TYPE", 167},
                             {"type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", 262},
                             {"frametype_BuiltinContinuationFrame", 19},
                             {"frametype_BuiltinExitFrame", 25},
                             {"frametype_BuiltinFrame", 24},
                             {"frametype_CWasmEntryFrame", 10},
                             {"frametype_ConstructFrame", 23},
                             {"frametype_ExitFrame", 3},
                             {"frametype_InternalFrame", 22},
                             {"frametype_IrregexpFrame", 27},
                             {"frametype_JavaScriptBuiltinContinuationFrame", 20},
                             {"frametype_JavaScriptBuiltinContinuationWithCatchFrame", 21},
                             {"frametype_JsToWasmFrame", 7},
                             {"frametype_NativeFrame", 26},
                             {"frametype_StackSwitchFrame", 8},
                             {"frametype_StubFrame", 17},
                             {"frametype_TurbofanStubWithContextFrame", 18}};
const Description kNode24 = {
    {"CodeKindBaseline", 10},
    {"CodeKindFieldMask", 15},
    {"ConsStringTag", 1},
    {"DeoptimizationDataInlinedFunctionCountIndex", 1},
    {"DeoptimizationDataInliningPositionsIndex", 8},
    {"DeoptimizationDataLiteralArrayIndex", 3},
    {"DeoptimizationDataWrappedSharedFunctionInfoIndex", 7},
    {"ExternalStringTag", 2},
    {"FirstJSFunctionType", 2065},
    {"FirstNonstringType", 128},
    {"HeapObjectTag", 1},
    {"HeapObjectTagMask", 3},
    {"LastJSFunctionType", 2081},
    {"SeqStringTag", 0},
    {"SlicedStringTag", 3},
    {"SmiShiftSize", 31},
    {"SmiTag", 0},
    {"SmiTagMask", 1},
    {"StringEncodingMask", 8},
    {"StringRepresentationMask", 7},
    {"TaggedSize", 8},
    {"ThinStringTag", 5},
    {"_ZN2v88internal7Version6major_E", 13},
    {"class_BytecodeArray__data__uintptr_t", 64},
    {"class_Code__flags__uint32_t", 52},
    {"class_Code__instruction_size__int", 56},
    {"class_Code__instruction_start__Address", 40},
    {"class_Code__instruction_stream__Tagged_InstructionStream_", 32},
    {"class_ConsString__first__String", 16},
    {"class_ConsString__second__String", 24},
    {"class_ExternalString__resource__Object", 16},
    {"class_FixedArrayBase__length__SMI", 8},
    {"class_FixedArray__data__uintptr_t", 16},
    {"class_InstructionStream__instruction_start__uintptr_t", 32},
    {"class_JSFunction__shared__SharedFunctionInfo", 32},
    {"class_Map__instance_type__uint16_t", 12},
    {"class_Script__eval_from_position__SMI", 80},
    {"class_Script__line_ends__Object", 56},
    {"class_Script__name__Object", 16},
    {"class_Script__source__Object", 8},
    {"class_SeqOneByteString__chars__char", 16},
    {"class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_", 24},
    {"class_SharedFunctionInfo__script__Tagged_HeapObject_", 40},
    {"class_SlicedString__offset__SMI", 24},
    {"class_SlicedString__parent__String", 16},
    {"class_String__length__int32_t", 12},
    {"class_ThinString__actual__String", 16},
    {"frametype_ConstructEntryFrame", 2},
    {"frametype_EntryFrame", 1},
    {"off_fp_bytecode_array", -32},
    {"off_fp_bytecode_offset", -40},
    {"off_fp_context", -8},
    {"off_fp_function", -16},
    {"scopeinfo_idx_first_vars", 5},
    {"type_ByteArray__BYTE_ARRAY_TYPE", 217},
    {"type_BytecodeArray__BYTECODE_ARRAY_TYPE", 186},
    {"type_Code__CODE_TYPE", 187},
    {"type_DebugInfo__DEBUG_INFO_TYPE", 154},
    {"type_FixedArray__FIXED_ARRAY_TYPE", 205},
    {"type_InstructionStream__INSTRUCTION_STREAM_TYPE", 192},
    {"type_InterpreterData__INTERPRETER_DATA_TYPE", 188},
    {"type_JSFunction__JS_FUNCTION_TYPE", 2065},
    {"type_Map__MAP_TYPE", 272},
    {"type_ScopeInfo__SCOPE_INFO_TYPE", 280},
    {"type_Script__SCRIPT_TYPE", 167},
    {"type_SharedFunctionInfoWrapper__SHARED_FUNCTION_INFO_WRAPPER_TYPE", 195},
    {"type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", 282},
    {"type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE", 196},
    {"frametype_ApiAccessorExitFrame", 29},
    {"frametype_ApiCallbackExitFrame", 28},
    {"frametype_BuiltinContinuationFrame", 20},
    {"frametype_BuiltinExitFrame", 27},
    {"frametype_BuiltinFrame", 26},
    {"frametype_CWasmEntryFrame", 10},
    {"frametype_ConstructFrame", 24},
    {"frametype_ExitFrame", 3},
    {"frametype_FastConstructFrame", 25},
    {"frametype_InternalFrame", 23},
    {"frametype_IrregexpFrame", 31},
    {"frametype_JavaScriptBuiltinContinuationFrame", 21},
    {"frametype_JavaScriptBuiltinContinuationWithCatchFrame", 22},
    {"frametype_JsToWasmFrame", 7},
    {"frametype_NativeFrame", 30},
    {"frametype_StackSwitchFrame", 8},
    {"frametype_StubFrame", 18},
    {"frametype_TurbofanStubWithContextFrame", 19}};

// A program that exports these.
struct Program {
  explicit Program(const Description& description) : image(memory, kBase) {
    for (const auto& [name, value] : description) {
      Code bytes(sizeof(value));
      std::memcpy(bytes.data(), &value, sizeof(value));
      image.add("v8dbg_" + name, bytes);
    }
  }
  V8Layout read() {
    image.load();
    return V8Layout::read(memory, *ElfImage::at(memory, kBase));
  }
  // The sentence of the refusal; empty: it was read.
  std::string refusal() {
    try {
      read();
      return "";
    } catch (const Failure& failure) {
      return failure.what();
    }
  }
  Memory memory;
  Image image;
};

Description with(Description description, const std::string& name, int value) {
  description[name] = value;
  return description;
}
Description without(Description description, const std::string& name) {
  description.erase(name);
  return description;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("V8 13's layout, with code that nobody can forge", "[v8]") {
  const V8Layout layout = Program(kNode24).read();
  CHECK(layout.frames.function == 16);
  CHECK(layout.frames.bytecode_offset == 40);
  CHECK(layout.frames.exits.test(3));
  CHECK(layout.frames.exits.test(28));  // of an API's callback
  CHECK_FALSE(layout.frames.exits.test(23));
  CHECK(layout.frames.known.test(23));
  CHECK(layout.types.shared_function == 282);
  CHECK(layout.types.last_function == 2081);
  CHECK(layout.functions.code == 0);  // it has a handle instead
  CHECK(layout.functions.script == 40);
  CHECK(layout.functions.scope_first_variable == 5);
  CHECK(layout.scripts.id == 64);
  CHECK(layout.scripts.eval_from_shared == 72);
  CHECK(layout.bytecodes.source_positions == 24);
  CHECK(layout.instructions.header == 32);
  CHECK(layout.instructions.size == 56);
  CHECK(layout.instructions.positions == 16);
  CHECK(layout.deoptimization.shared_function == 7);
}

TEST_CASE("V8 11's layout, which describes code by few names", "[v8]") {
  const V8Layout layout = Program(kNode20).read();
  CHECK(layout.functions.script == 32);
  CHECK(layout.functions.scope_first_variable == 3);
  CHECK(layout.types.last_function == 2082);
  CHECK(layout.types.trusted_byte_array == V8Layout::kNoType);
  CHECK(layout.bytecodes.source_positions == 32);
  CHECK(layout.bytecodes.data == 54);
  CHECK(layout.instructions.header == 16);
  CHECK(layout.instructions.start == 40);
  CHECK(layout.instructions.flags == 48);
  CHECK(layout.instructions.size == 56);
  CHECK(layout.instructions.deoptimization == 16);
  CHECK(layout.deoptimization.shared_function == 6);
}

TEST_CASE("a V8 that can't be read is refused with a sentence", "[v8]") {
  CHECK(says(Program({{"other", 1}}).refusal(), "doesn't describe itself"));
  CHECK(says(Program(with(kNode24, "TaggedSize", 4)).refusal(), "compresses pointers"));
  CHECK(says(Program(with(kNode24, "SmiShiftSize", 0)).refusal(), "tags values"));
  CHECK(says(Program(with(kNode24, "HeapObjectTagMask", 7)).refusal(), "tags values"));
  CHECK(says(Program(without(kNode24, "class_JSFunction__shared__SharedFunctionInfo")).refusal(),
             "class_JSFunction__shared"));
  CHECK(says(Program(without(kNode24, "type_Script__SCRIPT_TYPE")).refusal(), "type_Script"));
  CHECK(says(Program(with(kNode24, "class_Script__name__Object", -8)).refusal(), "class_Script"));
  CHECK(says(Program(with(kNode24, "class_Script__name__Object", 1 << 20)).refusal(),
             "class_Script"));
  CHECK(says(Program(with(kNode24, "off_fp_function", 16)).refusal(), "off_fp_function"));
  CHECK(says(Program(with(kNode24, "scopeinfo_idx_first_vars", 4)).refusal(), "names"));
  CHECK(Program(kNode24).refusal().empty());
}

}  // namespace timeslice::runtime
