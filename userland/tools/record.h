// SPDX-License-Identifier: MIT
// `timeslice record`: what happened on the cores, into a file.
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

// `status`: the tool's, where it is the command's that was recorded.
void add_record(CLI::App& app, int& status);

}  // namespace timeslice::tools
