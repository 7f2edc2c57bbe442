// SPDX-License-Identifier: MIT
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

// `status`: 1 where a lab wasn't passed, 3 where there was no verdict.
void add_lab(CLI::App& app, int& status);

}  // namespace timeslice::tools
