// SPDX-License-Identifier: MIT
// With which words was a process started? As it shows them by now: a program may write others over
// them, as Node does for process.title.
#pragma once
#include <cstdint>
#include <string>

namespace timeslice::observe {

// Separated by spaces, and 4 KiB of it at most. Empty where it is gone, or a kernel thread. It is
// read from the process's memory, so it may take as long as its owner likes.
std::string command_line(uint32_t tgid);

}  // namespace timeslice::observe
