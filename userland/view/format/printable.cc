// SPDX-License-Identifier: MIT
#include "view/format/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <cwchar>
#include <iterator>
#include <utility>

namespace timeslice::view {

namespace {

bool plain(char c) { return c >= 0x20 && c < 0x7f; }

uint64_t load(const char* from, size_t bytes) {
  uint64_t word = 0x2020202020202020;
  std::memcpy(&word, from, bytes);
  return word;
}

// Eight characters at a time: is one of them below 0x20, 0x7f, or above? A borrow or carry between
// bytes can start only at a byte that is odd itself, so it never makes a wrong answer.
bool odd(uint64_t word) {
  return ((word | (word + 0x0101010101010101) | (word - 0x2020202020202020)) &
          0x8080808080808080) != 0;
}

bool all_plain(std::string_view text) {
  const size_t size = text.size();
  const char* at = text.data();
  if (size < 4) return std::all_of(text.begin(), text.end(), plain);
  if (size < 8) return !odd(load(at, 4)) && !odd(load(at + size - 4, 4));
  for (size_t i = 0; i + 8 < size; i += 8)
    if (odd(load(at + i, 8))) return false;
  return !odd(load(at + size - 8, 8));  // overlaps the one before, instead of a tail of bytes
}

struct Character {
  size_t bytes;
  wchar_t code;  // 0: a broken byte
};

int sequence_length(uint8_t first) {
  if (first >= 0xf0 && first < 0xf5) return 4;
  if (first >= 0xe0) return first < 0xf0 ? 3 : 0;
  return first >= 0xc2 ? 2 : 0;
}

// Decodes UTF-8 by hand: mbrtowc would follow the locale, and comms are bytes that know of none.
Character first_character(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {1, static_cast<wchar_t>(first)};
  const auto length = static_cast<size_t>(sequence_length(first));
  if (length == 0 || length > text.size()) return {1, 0};
  wchar_t code = first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {1, 0};
    code = (code << 6) | (next & 0x3f);
  }
  return {length, code};
}

// 0 or less: not to be shown.
int width_of(const Character& c) {
  if (c.bytes == 1) return plain(static_cast<char>(c.code)) ? 1 : 0;
  return wcwidth(c.code);
}

// Controls, and format characters that aren't seen: the page's words.js knows the same.
bool unseen(wchar_t code) {
  constexpr std::pair<wchar_t, wchar_t> ranges[] = {
      {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200f},
      {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
  };
  return std::any_of(std::begin(ranges), std::end(ranges), [code](const auto& range) {
    return code >= range.first && code <= range.second;
  });
}

}  // namespace

std::string_view printable(std::string_view text, Scratch& scratch) {
  if (all_plain(text)) return text;
  size_t used = 0;
  while (!text.empty() && used + 4 <= sizeof(scratch.text)) {
    const Character c = first_character(text);
    if (width_of(c) > 0) {
      std::memmove(scratch.text + used, text.data(), c.bytes);  // `text` may lie in `scratch`
      used += c.bytes;
    } else {
      scratch.text[used++] = '?';
    }
    text.remove_prefix(c.bytes);
  }
  return {scratch.text, used};
}

void append_printable(std::string& out, std::string_view text) {
  if (all_plain(text)) {
    out += text;
    return;
  }
  while (!text.empty()) {
    const Character c = first_character(text);
    out += width_of(c) > 0 ? text.substr(0, c.bytes) : "?";
    text.remove_prefix(c.bytes);
  }
}

void append_visible_json(std::string& out, std::string_view json) {
  if (all_plain(json)) {
    out += json;
    return;
  }
  while (!json.empty()) {
    const Character c = first_character(json);
    if (unseen(c.code))
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<uint32_t>(c.code));
    else
      out += json.substr(0, c.bytes);
    json.remove_prefix(c.bytes);
  }
}

size_t display_width(std::string_view text) {
  if (all_plain(text)) return text.size();
  size_t width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += static_cast<size_t>(std::max(width_of(c), 1));
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string_view clipped(std::string_view text, size_t width) {
  if (text.size() <= width) return text;
  if (all_plain(text)) return text.substr(0, width);
  size_t end = 0;
  while (end < text.size()) {
    const Character c = first_character(text.substr(end));
    const auto wide = static_cast<size_t>(std::max(width_of(c), 1));
    if (wide > width) break;
    width -= wide;
    end += c.bytes;
  }
  return text.substr(0, end);
}

}  // namespace timeslice::view
