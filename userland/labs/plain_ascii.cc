// SPDX-License-Identifier: MIT
#include "labs/plain_ascii.h"

#include <algorithm>
#include <iterator>

namespace timeslice::labs {

namespace {

struct Similar {
  std::string_view character, ascii;
};
constexpr Similar kSimilar[] = {
    {"…", "..."}, {"·", "."}, {"░", "."}, {"█", "#"}, {"▇", "#"}, {"▆", "#"}, {"▅", "#"},
    {"▄", "-"},   {"▃", "-"}, {"▂", "-"}, {"▁", "_"}, {"▉", "#"}, {"▊", "#"}, {"▋", "#"},
    {"▌", "#"},   {"▍", "-"}, {"▎", "-"}, {"▏", "-"}, {"─", "-"}, {"│", "|"}, {"╷", "|"},
    {"┌", "+"},   {"┐", "+"}, {"└", "+"}, {"┘", "+"}, {"▲", "^"}, {"▼", "v"}, {"◄", "<"},
};

// Bytes of the character that begins with it.
size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

}  // namespace

std::string plain_ascii(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    const std::string_view character = utf8.substr(0, length_of(utf8.front()));
    utf8.remove_prefix(character.size());
    const auto* const known =
        std::find_if(std::begin(kSimilar), std::end(kSimilar),
                     [&](const Similar& similar) { return similar.character == character; });
    if (static_cast<unsigned char>(character.front()) < 0x80)
      out += character;
    else
      out += known == std::end(kSimilar) ? "?" : known->ascii;
  }
  return out;
}

}  // namespace timeslice::labs
