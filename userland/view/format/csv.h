// SPDX-License-Identifier: MIT
// How do threads get into a spreadsheet? As RFC 4180 has it: one line of column ids, then a line
// for each thread and refresh, opened by the refresh's time_ns. Absent figures are empty fields.
#pragma once
#include <string>
#include <string_view>

#include "model/frame.h"
#include "view/format/order.h"

namespace timeslice::view {

void append_csv_header(std::string& out);
void append_csv(std::string& out, const model::Frame& frame, const Order& order = {});

// A text that a program or a file chose: printable, so that no control character and no end of a
// line is left in it, quoted where it holds a comma or a quote, and with an apostrophe before a
// leading = + - or @, which a spreadsheet would take for a formula.
void append_csv_field(std::string& out, std::string_view text);

}  // namespace timeslice::view
