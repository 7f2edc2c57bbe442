// SPDX-License-Identifier: MIT
// `timeslice why`: why is a Node process slow?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_why(CLI::App& app);

}  // namespace timeslice::tools
