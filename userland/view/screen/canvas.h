// SPDX-License-Identifier: MIT
// What is on a page before a terminal shows it? Styled pieces of text at places. Whatever draws
// stands on this and knows no terminal, so that a test can read a whole screen as plain text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace timeslice::view {

// What a piece of text is, not how it looks: the screen gives these their colours and attributes.
enum class Style : uint8_t {
  normal,
  faint,     // zeros, absent figures, labels
  strong,    // a process's name, a key
  heading,   // reverse video
  sorted,    // the heading of the column that sorts
  selected,  // the row that keys act upon
  good,      // on a core
  warn,      // ready, but waits for a core
  bad,       // lost, or asleep deeply
  accent,    // a role
};

// The drawing characters of a terminal.
struct GlyphSet {
  const char *folded, *unfolded, *ascending, *descending, *bar, *bar_half, *bar_rest, *rule, *more;
  const char* levels[9];  // of a load, from nothing to all
  bool ascii;
};
const GlyphSet& glyph_set(bool ascii);

class Canvas {
 public:
  struct Span {
    int x;
    Style style;
    uint32_t offset, size;
  };

  Canvas(int width, int height, bool ascii);

  // Writes printable text at column x of line y, clipped to `room` and to the edge; returns the
  // column behind it. Within a line, draw from left to right.
  int put(int y, int x, std::string_view text, Style style = Style::normal, int room = INT32_MAX);
  int put_right(int y, int end, std::string_view text, Style style = Style::normal);
  // Blanks from x up to `end`.
  void fill(int y, int x, int end, Style style);

  void clear(int y);

  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] const GlyphSet& glyphs() const { return glyphs_; }
  [[nodiscard]] const std::vector<Span>& line(int y) const {
    return lines_[static_cast<size_t>(y)];
  }
  [[nodiscard]] std::string_view text(const Span& span) const {
    return std::string_view(text_).substr(span.offset, span.size);
  }
  [[nodiscard]] std::string plain(int y) const;  // the line as plain text, without trailing blanks
  [[nodiscard]] std::string plain() const;       // all lines

 private:
  int width_, height_;
  const GlyphSet& glyphs_;
  std::string text_;
  std::vector<std::vector<Span>> lines_;
};

}  // namespace timeslice::view
