// SPDX-License-Identifier: MIT
// How does a message reach the user? As one line on stderr. It may contain names of files, of
// programs and from recordings, with any bytes: none of them can control a
// terminal or start a line of its own.
#pragma once
#include <string_view>

namespace timeslice::view {

// "timeslice: SENTENCE", printable as tables are.
void say(std::string_view sentence);

}  // namespace timeslice::view
