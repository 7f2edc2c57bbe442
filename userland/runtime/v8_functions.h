// SPDX-License-Identifier: MIT
// What is a function called, and which script is it of? Closures of the same text share one object
// (SharedFunctionInfo), which has the name or, once the function has run, a description of its
// variables (ScopeInfo) with the name among them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/v8_heap.h"

namespace timeslice::runtime {

struct V8Function {
  std::string name;                  // its own, or the one V8 inferred; empty: neither
  std::optional<V8Object> script;    // none: it is one of V8's own
  int start = -1;                    // where its text begins in the script; -1: not known
  std::optional<V8Object> bytecode;  // its BytecodeArray
  std::optional<V8Object> baseline;  // its Code from the baseline compiler
};

// Of a SharedFunctionInfo. Absent: it is none, or not a whole one.
std::optional<V8Function> read_function(V8Heap& heap, uint64_t shared);

}  // namespace timeslice::runtime
