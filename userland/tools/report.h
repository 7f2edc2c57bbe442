// SPDX-License-Identifier: MIT
// `timeslice report`: what did a recording come to, in tables?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_report(CLI::App& app);

}  // namespace timeslice::tools
