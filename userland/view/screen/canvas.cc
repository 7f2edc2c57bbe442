// SPDX-License-Identifier: MIT
#include "view/screen/canvas.h"

#include <algorithm>

#include "view/format/printable.h"

namespace timeslice::view {

const GlyphSet& glyph_set(bool ascii) {
  static const GlyphSet plain = {"+", "-", "^", "v",  "#",
                                 "",  ".", "-", "..", {" ", ".", ":", "-", "=", "+", "*", "#", "@"},
                                 true};
  static const GlyphSet full = {"▸",  "▾", "▴", "▾", "━",
                                "╸",  "─", "─", "…", {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"},
                                false};
  return ascii ? plain : full;
}

Canvas::Canvas(int width, int height, bool ascii)
    : width_(width),
      height_(height),
      glyphs_(glyph_set(ascii)),
      lines_(static_cast<size_t>(std::max(height, 0))) {}

int Canvas::put(int y, int x, std::string_view text, Style style, int room) {
  room = std::min(room, width_ - x);
  if (y < 0 || y >= height_ || x < 0 || room <= 0 || text.empty()) return x;
  const auto offset = static_cast<uint32_t>(text_.size());
  for (const char c : clipped(text, static_cast<size_t>(room))) {
    // On an ASCII terminal a character of several bytes becomes one '?'.
    const auto byte = static_cast<uint8_t>(c);
    if (!glyphs_.ascii || byte < 0x80)
      text_ += c;
    else if (byte >= 0xc0)
      text_ += '?';
  }
  const auto size = static_cast<uint32_t>(text_.size()) - offset;
  lines_[static_cast<size_t>(y)].push_back({x, style, offset, size});
  return x + static_cast<int>(display_width(std::string_view(text_).substr(offset)));
}

int Canvas::put_right(int y, int end, std::string_view text, Style style) {
  const auto width = static_cast<int>(display_width(text));
  return put(y, std::max(end - width, 0), text, style);
}

void Canvas::fill(int y, int x, int end, Style style) {
  end = std::min(end, width_);
  if (x < end) put(y, x, std::string(static_cast<size_t>(end - x), ' '), style);
}

void Canvas::clear(int y) {
  if (y >= 0 && y < height_) lines_[static_cast<size_t>(y)].clear();
}

std::string Canvas::plain(int y) const {
  std::string result;
  size_t at = 0;
  for (const Span& span : line(y)) {
    if (static_cast<size_t>(span.x) > at) result.append(static_cast<size_t>(span.x) - at, ' ');
    result += text(span);
    at = static_cast<size_t>(span.x) + display_width(text(span));
  }
  result.erase(result.find_last_not_of(' ') + 1);
  return result;
}

std::string Canvas::plain() const {
  std::string result;
  for (int y = 0; y < height_; ++y) result += plain(y) + '\n';
  return result;
}

}  // namespace timeslice::view
