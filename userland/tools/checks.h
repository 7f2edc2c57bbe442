// SPDX-License-Identifier: MIT
// Which words can't be what the user meant? Each check is CLI11's: an empty string, or a sentence
// that refuses the word as bad usage.
#pragma once
#include <string>

namespace timeslice::tools {

// "" and "," are what an unset variable or a pgrep without a match leaves on the command line: a
// choice of nobody, which must not become everybody.
inline std::string names_something(const std::string& text) {
  return text.find_first_not_of(" \t\n,") == std::string::npos
             ? "'" + text + "' names nothing; leave the option out to choose all"
             : "";
}

}  // namespace timeslice::tools
