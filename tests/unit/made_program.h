// SPDX-License-Identifier: MIT
// What makes a program one that has V8 in it: the integers by which V8 describes itself (those that
// Node 20 and Node 24 export, as far as they are asked for), and code as its builds have it, GCC's
// and Clang's.
#pragma once
#include <initializer_list>
#include <map>
#include <string>

#include "tests/unit/made_up_memory.h"

namespace made_program {

using made_up::Code;
using Description = std::map<std::string, int>;

// What both versions have.
inline const Description kBoth = {
    {"CodeKindFieldMask", 15},
    {"ConsStringTag", 1},
    {"DeoptimizationDataInlinedFunctionCountIndex", 1},
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
    {"bit_field3_is_dictionary_map_shift", 21},
    {"bit_field3_number_of_own_descriptors_mask", 1047552},
    {"bit_field3_number_of_own_descriptors_shift", 10},
    {"class_ConsString__first__String", 16},
    {"class_ConsString__second__String", 24},
    {"class_DescriptorArray__header_size__uintptr_t", 24},
    {"class_ExternalString__resource__Object", 16},
    {"class_FixedArrayBase__length__SMI", 8},
    {"class_FixedArray__data__uintptr_t", 16},
    {"class_Map__bit_field3__int", 16},
    {"class_Map__inobject_properties_start_or_constructor_function_index__char", 9},
    {"class_Map__instance_descriptors_offset", 40},
    {"class_Map__instance_size_in_words__char", 8},
    {"class_Map__instance_type__uint16_t", 12},
    {"class_Script__eval_from_position__SMI", 80},
    {"class_Script__line_ends__Object", 56},
    {"class_Script__name__Object", 16},
    {"class_Script__source__Object", 8},
    {"class_SeqOneByteString__chars__char", 16},
    {"class_SlicedString__offset__SMI", 24},
    {"class_SlicedString__parent__String", 16},
    {"class_String__length__int32_t", 12},
    {"class_ThinString__actual__String", 16},
    {"frametype_CWasmEntryFrame", 10},
    {"frametype_ConstructEntryFrame", 2},
    {"frametype_EntryFrame", 1},
    {"frametype_ExitFrame", 3},
    {"frametype_JsToWasmFrame", 7},
    {"frametype_StackSwitchFrame", 8},
    {"off_fp_bytecode_array", -32},
    {"off_fp_bytecode_offset", -40},
    {"off_fp_context", -8},
    {"off_fp_function", -16},
    {"prop_desc_details", 1},
    {"prop_desc_key", 0},
    {"prop_desc_size", 3},
    {"prop_index_mask", 536346624},
    {"prop_index_shift", 19},
    {"prop_kind_Data", 0},
    {"prop_kind_mask", 1},
    {"prop_location_Field", 0},
    {"prop_location_mask", 32},
    {"type_JSObject__JS_OBJECT_TYPE", 1057},
    {"type_Script__SCRIPT_TYPE", 167}};

inline Description with_both(Description own) {
  own.insert(kBoth.begin(), kBoth.end());
  return own;
}

inline const Description kNode20 =
    with_both({{"CodeKindBaseline", 11},
               {"DeoptimizationDataInliningPositionsIndex", 7},
               {"DeoptimizationDataLiteralArrayIndex", 2},
               {"DeoptimizationDataSharedFunctionInfoIndex", 6},
               {"FirstContextType", 205},
               {"LastContextType", 214},
               {"_ZN2v88internal7Version6major_E", 11},
               {"class_BytecodeArray__data__uintptr_t", 54},
               {"class_Code__deoptimization_data__FixedArray", 16},
               {"class_Code__source_position_table__ByteArray", 24},
               {"class_InstructionStream__instruction_start__uintptr_t", 16},
               {"class_JSFunction__shared__SharedFunctionInfo", 24},
               {"class_Map__constructor_or_back_pointer__Object", 32},
               {"class_SharedFunctionInfo__function_data__Object", 8},
               {"class_SharedFunctionInfo__name_or_scope_info__Object", 16},
               {"class_SharedFunctionInfo__script_or_debug_info__HeapObject", 32},
               {"frametype_BuiltinContinuationFrame", 19},
               {"frametype_BuiltinExitFrame", 25},
               {"frametype_BuiltinFrame", 24},
               {"frametype_ConstructFrame", 23},
               {"frametype_InternalFrame", 22},
               {"frametype_IrregexpFrame", 27},
               {"frametype_JavaScriptBuiltinContinuationFrame", 20},
               {"frametype_JavaScriptBuiltinContinuationWithCatchFrame", 21},
               {"frametype_NativeFrame", 26},
               {"frametype_StubFrame", 17},
               {"frametype_TurbofanStubWithContextFrame", 18},
               {"scopeinfo_idx_first_vars", 3},
               {"type_ByteArray__BYTE_ARRAY_TYPE", 190},
               {"type_BytecodeArray__BYTECODE_ARRAY_TYPE", 191},
               {"type_Code__CODE_TYPE", 245},
               {"type_DebugInfo__DEBUG_INFO_TYPE", 153},
               {"type_FixedArray__FIXED_ARRAY_TYPE", 175},
               {"type_InstructionStream__INSTRUCTION_STREAM_TYPE", 252},
               {"type_InterpreterData__INTERPRETER_DATA_TYPE", 159},
               {"type_JSAsyncFunctionObject__JS_ASYNC_FUNCTION_OBJECT_TYPE", 2106},
               {"type_JSAsyncGeneratorObject__JS_ASYNC_GENERATOR_OBJECT_TYPE", 2107},
               {"type_JSFunction__JS_FUNCTION_TYPE", 2066},
               {"type_Map__MAP_TYPE", 255},
               {"type_ScopeInfo__SCOPE_INFO_TYPE", 261},
               {"type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", 262}});
inline const Description kNode24 =
    with_both({{"CodeKindBaseline", 10},
               {"DeoptimizationDataInliningPositionsIndex", 8},
               {"DeoptimizationDataLiteralArrayIndex", 3},
               {"DeoptimizationDataWrappedSharedFunctionInfoIndex", 7},
               {"FirstContextType", 220},
               {"FirstJSFunctionType", 2065},
               {"LastContextType", 229},
               {"LastJSFunctionType", 2081},
               {"_ZN2v88internal7Version6major_E", 13},
               {"class_BytecodeArray__data__uintptr_t", 64},
               {"class_Code__flags__uint32_t", 52},
               {"class_Code__instruction_size__int", 56},
               {"class_Code__instruction_start__Address", 40},
               {"class_Code__instruction_stream__Tagged_InstructionStream_", 32},
               {"class_InstructionStream__instruction_start__uintptr_t", 32},
               {"class_JSFunction__shared__SharedFunctionInfo", 32},
               {"class_Map__constructor_or_back_pointer__Tagged_Object_", 32},
               {"class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_", 24},
               {"class_SharedFunctionInfo__script__Tagged_HeapObject_", 40},
               {"frametype_ApiAccessorExitFrame", 29},
               {"frametype_ApiCallbackExitFrame", 28},
               {"frametype_BuiltinContinuationFrame", 20},
               {"frametype_BuiltinExitFrame", 27},
               {"frametype_BuiltinFrame", 26},
               {"frametype_ConstructFrame", 24},
               {"frametype_FastConstructFrame", 25},
               {"frametype_InternalFrame", 23},
               {"frametype_IrregexpFrame", 31},
               {"frametype_JavaScriptBuiltinContinuationFrame", 21},
               {"frametype_JavaScriptBuiltinContinuationWithCatchFrame", 22},
               {"frametype_NativeFrame", 30},
               {"frametype_StubFrame", 18},
               {"frametype_TurbofanStubWithContextFrame", 19},
               {"scopeinfo_idx_first_vars", 5},
               {"type_ByteArray__BYTE_ARRAY_TYPE", 217},
               {"type_BytecodeArray__BYTECODE_ARRAY_TYPE", 186},
               {"type_Code__CODE_TYPE", 187},
               {"type_DebugInfo__DEBUG_INFO_TYPE", 154},
               {"type_FixedArray__FIXED_ARRAY_TYPE", 205},
               {"type_InstructionStream__INSTRUCTION_STREAM_TYPE", 192},
               {"type_InterpreterData__INTERPRETER_DATA_TYPE", 188},
               {"type_JSAsyncFunctionObject__JS_ASYNC_FUNCTION_OBJECT_TYPE", 2110},
               {"type_JSAsyncGeneratorObject__JS_ASYNC_GENERATOR_OBJECT_TYPE", 2111},
               {"type_JSFunction__JS_FUNCTION_TYPE", 2065},
               {"type_Map__MAP_TYPE", 272},
               {"type_ScopeInfo__SCOPE_INFO_TYPE", 280},
               {"type_SharedFunctionInfoWrapper__SHARED_FUNCTION_INFO_WRAPPER_TYPE", 195},
               {"type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", 282},
               {"type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE", 196}});

inline void add_description(made_up::Image& image, const Description& description) {
  for (const auto& [name, value] : description) {
    Code bytes(sizeof(value));
    std::memcpy(bytes.data(), &value, sizeof(value));
    image.add(name.rfind("_Z", 0) == 0 ? name : "v8dbg_" + name, bytes);
  }
}

inline void append(Code& to, std::initializer_list<int> bytes) {
  for (const int byte : bytes) to.push_back(static_cast<uint8_t>(byte));
}
inline void append_word(Code& to, int32_t word) {
  for (int shift = 0; shift < 32; shift += 8) to.push_back(static_cast<uint8_t>(word >> shift));
}

// JSEntry and its like: it saves the frame of the last exit, and asks for the outermost entry.
inline Code entry(int type, int32_t exit_frame, int32_t entry_frame) {
  Code code;
  append(code, {0x55, 0x48, 0x89, 0xe5, 0x6a, type, 0x48, 0x83, 0xec, 0x08, 0x41,
                0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x53, 0x4c, 0x8b, 0xef});
  append(code, {0x41, 0xff, 0xb5});  // push exit_frame(%r13)
  append_word(code, exit_frame);
  append(code, {0x4d, 0x8b, 0x95});  // mov 0xd0(%r13), %r10
  append_word(code, 0xd0);
  append(code, {0x49, 0x8b, 0x85});  // mov entry_frame(%r13), %rax
  append_word(code, entry_frame);
  append(code, {0x48, 0x85, 0xc0});  // test %rax, %rax
  code.resize(0x200, 0xcc);
  return code;
}

// Calls of C, each of which notes its return address and its frame before.
inline Code fast_calls(int count, int32_t pc, int32_t frame) {
  Code code;
  for (int i = 0; i < count; ++i) {
    append(code, {0x4d, 0x89, 0x95});
    append_word(code, pc);
    append(code, {0x49, 0x89, 0x6d, frame});
    append(code, {0xff, 0xd0});
  }
  return code;
}

}  // namespace made_program
