// SPDX-License-Identifier: MIT
// Does everybody cut this request into the same lines? Not if one ends with LF alone, or is the
// continuation of the one before: some peers see another header there, or another request. llhttp
// takes both in places, so all that it takes, bodies apart, comes through here as well. That a CR
// is followed by LF it checks itself, in strict mode.
#pragma once
#include <string_view>

namespace timeslice::demo {

class LineCheck {
 public:
  // The next bytes, in any pieces. False: see above.
  bool look(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (last_ == '\n' && is_blank(bytes.front())) return false;
    for (std::size_t at = 0; (at = bytes.find('\n', at)) != std::string_view::npos; ++at) {
      if ((at == 0 ? last_ : bytes[at - 1]) != '\r') return false;
      if (at + 1 < bytes.size() && is_blank(bytes[at + 1])) return false;
    }
    last_ = bytes.back();
    return true;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  char last_ = 0;
};

}  // namespace timeslice::demo
