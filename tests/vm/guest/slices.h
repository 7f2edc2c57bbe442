// SPDX-License-Identifier: MIT
// How many slices may a recording have of a thread, where the kernel counted so many?
#pragma once
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"

namespace timeslice::vm {

// Who is preempted between its decision to sleep and its sleep isn't queued by the kernel's book,
// and so its next slice isn't counted there: at most one for each involuntary switch. Only kernels
// that preempt themselves do so.
inline void check_slices(const nlohmann::json& thread, const live::Truth& before,
                         const live::Truth& now) {
  const uint64_t slices = thread["slices"], kernel = now.slices - before.slices;
  CHECK(slices >= kernel);
  CHECK(slices <= kernel + now.nivcsw - before.nivcsw);
}

}  // namespace timeslice::vm
