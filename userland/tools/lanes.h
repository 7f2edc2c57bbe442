// SPDX-License-Identifier: MIT
// `timeslice lanes`: who had the cores when, as text?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_lanes(CLI::App& app);

}  // namespace timeslice::tools
