// SPDX-License-Identifier: MIT
// How does a figure fit into five or six characters, without losing what matters? Written by hand,
// since ten thousand threads have a hundred thousand cells at each refresh.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "view/format/columns.h"

namespace timeslice::view {

// As `kind` says. A true zero is "0"; what is merely small is "0.0".
std::string_view compact(double figure, Kind kind, Scratch& scratch);

// "0 ns", "812 ns", "3.2 us", "48 ms", "1.5 s", "12 min", "3.4 h": two digits that count.
std::string duration(double ns);

// 12,345,678
std::string grouped(uint64_t count);

// "1 wait", "0 waits", "1,234 waits".
std::string counted(uint64_t count, std::string_view one, std::string_view several);

// To the unit where it is whole, else with three decimals, and never an exponent: for files.
void append_exact(std::string& out, double figure);

}  // namespace timeslice::view
