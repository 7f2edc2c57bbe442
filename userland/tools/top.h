// SPDX-License-Identifier: MIT
// timeslice top: what is the scheduler doing with every thread, now?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_top(CLI::App& app);

}  // namespace timeslice::tools
