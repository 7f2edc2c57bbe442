// SPDX-License-Identifier: MIT
#include "view/format/say.h"

#include <cstdio>
#include <string>

#include "view/format/printable.h"

namespace timeslice::view {

void say(std::string_view sentence) {
  std::string line = "timeslice: ";
  append_printable(line, sentence);
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

}  // namespace timeslice::view
