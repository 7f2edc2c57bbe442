// SPDX-License-Identifier: MIT
// What is a scheduling policy called? One table of words for the screen and for all files.
#pragma once
#include <cstdint>
#include <iterator>
#include <string_view>

namespace timeslice::view {

// By the number that the kernel gives it (include/uapi/linux/sched.h; libc's header lacks some).
// Empty: a policy that isn't known here.
constexpr std::string_view policy_name(uint32_t policy) {
  constexpr std::string_view names[] = {"normal", "fifo",     "rr",
                                        "batch",  "",  // 4 was never used
                                        "idle",   "deadline", "ext"};
  return policy < std::size(names) ? names[policy] : std::string_view();
}

}  // namespace timeslice::view
