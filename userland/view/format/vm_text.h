// SPDX-License-Identifier: MIT
// How V8's time was spent, by its own word, as text and as JSON.
#pragma once
#include <cstdint>
#include <string>

#include "model/vm_looks.h"
#include "view/format/loop_parts.h"

namespace timeslice::view {

// "JavaScript 62%, garbage collection 36%": shares of `of` looks, the largest first, without those
// that are below half a percent.
std::string vm_text(const model::VmLooks& vm, uint32_t of);
// {"javascript": …, "gc": …, "compiler": …, "native": …}: how much of `whole` each was; null where
// there are no looks.
OrderedJson vm_json(const model::VmLooks& vm, uint32_t of, double whole);

}  // namespace timeslice::view
