// SPDX-License-Identifier: MIT
// With which words was a process started? As it shows them by now: a program may write others over
// them, as Node does for process.title.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::observe {

// Separated by spaces, and 4 KiB of it at most. Empty where it is gone, or a kernel thread. It is
// read from the process's memory, so it may take as long as its owner likes.
std::string command_line(uint32_t tgid);
// The same, a word each. Written over, it is one word, as a rule.
std::vector<std::string> command_words(uint32_t tgid);

}  // namespace timeslice::observe
