// SPDX-License-Identifier: MIT
// `timeslice timeline`: a recording as one HTML file, to click through without a network.
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_timeline(CLI::App& app);

}  // namespace timeslice::tools
