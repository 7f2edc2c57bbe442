// SPDX-License-Identifier: MIT
// What did V8 do, by its own word for it? Looks are counted by the state that they met.
#pragma once
#include <cstdint>

namespace timeslice::model {

enum class VmState { javascript, garbage_collector, compiler, native, unknown };

struct VmLooks {
  uint32_t javascript = 0;  // V8's built-in functions included
  uint32_t garbage_collector = 0;
  uint32_t compiler = 0;  // and the parser
  uint32_t native = 0;    // C++ that JavaScript called, or that called it

  void add(VmState state) {
    switch (state) {
      case VmState::javascript:
        ++javascript;
        break;
      case VmState::garbage_collector:
        ++garbage_collector;
        break;
      case VmState::compiler:
        ++compiler;
        break;
      case VmState::native:
        ++native;
        break;
      case VmState::unknown:
        break;
    }
  }
  void add(const VmLooks& other) {
    javascript += other.javascript;
    garbage_collector += other.garbage_collector;
    compiler += other.compiler;
    native += other.native;
  }
  [[nodiscard]] uint32_t sum() const { return javascript + garbage_collector + compiler + native; }
  bool operator==(const VmLooks&) const = default;
};

}  // namespace timeslice::model
