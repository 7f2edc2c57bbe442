// SPDX-License-Identifier: MIT
// What is stdout, if it is a terminal?
#pragma once
#include <cstdint>

namespace timeslice::tools {

// Characters of a line; 0: it isn't one, or doesn't say.
uint32_t terminal_columns();

// A terminal, and nobody has asked for no colour (NO_COLOR, see no-color.org).
bool terminal_has_colour();

// Nobody has asked for no colour, whatever stdout is.
bool colour_is_wanted();

// Whether its locale has more than ASCII. After setlocale().
bool locale_is_utf8();

}  // namespace timeslice::tools
