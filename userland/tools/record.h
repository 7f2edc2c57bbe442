// SPDX-License-Identifier: MIT
// `timeslice record`: what happened on the cores, into a file.
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_record(CLI::App& app);

}  // namespace timeslice::tools
