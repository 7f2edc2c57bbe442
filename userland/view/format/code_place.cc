// SPDX-License-Identifier: MIT
#include "view/format/code_place.h"

#include "view/format/printable.h"

namespace timeslice::view {

void append_place(std::string& out, const model::StackFrame& frame) {
  append_printable(out, frame.function.empty() ? "(anonymous)" : frame.function);
  if (frame.file.empty()) return;
  out += frame.evaluated ? " (eval at " : frame.exact ? " (" : " (about ";
  append_printable(out, frame.file);
  if (frame.line > 0) out += ':' + std::to_string(frame.line);
  out += ')';
}

void append_place(std::string& out, const model::BlockFunction& function) {
  append_place(out, function.frame);
  if (const model::StackFrame* called = function.called()) {
    out += ", calling ";
    append_place(out, *called);
  }
}

}  // namespace timeslice::view
