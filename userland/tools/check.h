// SPDX-License-Identifier: MIT
// timeslice check: what does this machine allow, and what could be done where it doesn't?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_check(CLI::App& app);

}  // namespace timeslice::tools
