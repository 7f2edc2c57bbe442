// SPDX-License-Identifier: MIT
// How does a sentence fit a terminal? Broken at spaces; a word that is longer than a line has one
// of its own.
#pragma once
#include <string>
#include <string_view>

namespace timeslice::view {

// `text`, printable, at the end of `out` in lines of `width` character cells at most: the first
// begins with `first`, the others with as many spaces.
void append_wrapped(std::string& out, std::string_view first, std::string_view text, size_t width);

}  // namespace timeslice::view
