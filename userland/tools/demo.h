// SPDX-License-Identifier: MIT
// How is the demo server reached from the command line? By `timeslice demo`.
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice {

// Adds the subcommand. Its callback serves until the end, or throws Failure.
void add_demo(CLI::App& app);

}  // namespace timeslice
