// SPDX-License-Identifier: MIT
// What is the function of a frame called, and at which line is it? By the frame's own words where
// the interpreter runs it, else by the tables of the code that it runs; optimized code is that of
// several functions at once.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/v8_bytecodes.h"
#include "runtime/v8_functions.h"
#include "runtime/v8_instructions.h"
#include "runtime/v8_positions.h"
#include "runtime/v8_scripts.h"
#include "runtime/v8_walk.h"

namespace timeslice::runtime {

enum class JsFrameKind {
  kInterpreted,
  kBaseline,
  kOptimized,
  kInlined,      // into the next function that isn't
  kBuiltin,      // V8's own: it has no script
  kNativeEntry,  // here C++ called JavaScript
};

struct JsFrame {
  JsFrameKind kind = JsFrameKind::kInterpreted;
  std::string function;      // empty: it has no name
  std::string file;          // as its script calls itself; empty: none
  int line = 0, column = 0;  // from 1; 0: not known
  bool exact = false;        // else it is about there: at the call before, or where it begins
  bool evaluated = false;    // it is of a text that was evaluated there (eval, new Function)
};

// What is kept of a process from sample to sample.
struct V8Known {
  V8BytecodeSizes bytecode_sizes;
  V8Scripts scripts;
  V8InstructionSearch instructions;
  std::optional<V8TableForm> table_form;  // once a table has shown it
};

// Names the frames of one sample.
class V8Naming {
 public:
  V8Naming(const V8Ground& ground, V8Known& known, uint64_t stack_pointer)
      : ground_(ground), heap_(ground.heap), known_(known), stack_pointer_(stack_pointer) {}

  // Appends the functions of a frame, the innermost first. False: they are in doubt.
  bool name(const V8Frame& frame, std::vector<JsFrame>& to);
  // Of a JSFunction, without its line.
  std::optional<JsFrame> name_only(const V8Object& function);

 private:
  // What a frame's words and its function's say.
  struct Seen {
    V8Object shared;
    const V8Function* function;
    V8Frame frame;
  };
  const V8Function* describe(const V8Object& shared);
  std::optional<Seen> look(const V8Frame& frame);
  JsFrame made(JsFrameKind kind, const V8Function& function, int text_offset);
  JsFrame named(JsFrameKind kind, const V8Function& function);
  void place_evaluated(const V8Object& script, JsFrame& frame);
  std::optional<uint64_t> interpreted_offset(const Seen& seen);
  int text_offset(const V8Object& bytecode, uint64_t offset);
  V8TableForm form_for(const std::optional<V8Object>& bytecode);
  uint64_t pc_in_compiled(const V8Frame& frame);
  bool name_baseline(const Seen& seen, const V8Instructions& code, uint64_t pc,
                     std::vector<JsFrame>& to);
  bool name_optimized(const Seen& seen, const V8Instructions& code, uint64_t pc,
                      std::vector<JsFrame>& to);
  struct Inlining;
  std::optional<std::vector<uint8_t>> table_at(const V8Object& owner, uint64_t offset);
  static std::optional<Inlining> inlining_at(const std::vector<uint8_t>& table, int index);
  bool name_inlined(const V8Instructions& code, V8Position& position, std::vector<JsFrame>& to);
  JsFrame about(const Seen& seen);
  std::optional<V8Object> shared_function_at(const V8Object& array, uint64_t index);
  bool is_code_of(const V8Instructions& code, const Seen& seen);

  const V8Ground& ground_;
  V8Heap& heap_;
  V8Known& known_;
  uint64_t stack_pointer_;
  std::unordered_map<uint64_t, std::optional<V8Function>> functions_;  // by SharedFunctionInfo
};

}  // namespace timeslice::runtime
