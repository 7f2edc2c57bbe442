// SPDX-License-Identifier: MIT
#include "view/format/wrapped.h"

#include <algorithm>

#include "view/format/printable.h"

namespace timeslice::view {

void append_wrapped(std::string& out, std::string_view first, std::string_view text, size_t width) {
  const size_t indent = display_width(first);
  out += first;
  size_t used = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const size_t cells = display_width(word);
    if (used > indent && used + 1 + cells > width) {
      out += '\n' + std::string(indent, ' ');
      used = indent;
    }
    if (used > indent) {
      out += ' ';
      ++used;
    }
    out += word;
    used += cells;
  }
  out += '\n';
}

}  // namespace timeslice::view
