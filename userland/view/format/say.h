// SPDX-License-Identifier: MIT
// How does a sentence reach whoever started the tool? As one line on stderr. Names of files, of
// programs and from recordings stand in it, which may hold any bytes: none of them steers a
// terminal or begins a line of its own.
#pragma once
#include <string_view>

namespace timeslice::view {

// "timeslice: SENTENCE", printable as tables are.
void say(std::string_view sentence);

}  // namespace timeslice::view
