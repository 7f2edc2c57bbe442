// SPDX-License-Identifier: MIT
// Can this text be shown as it is, and how wide is it? A thread names itself, with any bytes it
// likes: escape sequences must not reach the terminal, and columns must stay straight.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "view/format/columns.h"

namespace timeslice::view {

// `text` itself where all of it is plain ASCII, as nearly always. Otherwise a copy in `scratch`,
// with a '?' for each control character, broken byte, and character that the locale can't show.
std::string_view printable(std::string_view text, Scratch& scratch);

// The same, of any length, at the end of `out`: for files and sentences, which clip nothing.
void append_printable(std::string& out, std::string_view text);

// JSON, or any part of it, at the end of `out`, with the same meaning: a character that isn't seen,
// that steers a terminal, or that turns the direction of what's around it (DEL, C1, bidi controls)
// is written as \uXXXX. In valid JSON those stand within strings only.
void append_visible_json(std::string& out, std::string_view json);

// How many character cells does printable text take?
size_t display_width(std::string_view text);

// The longest beginning of printable text that fits into `width` character cells.
std::string_view clipped(std::string_view text, size_t width);

}  // namespace timeslice::view
