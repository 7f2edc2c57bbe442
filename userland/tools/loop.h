// SPDX-License-Identifier: MIT
// timeslice loop: what are a live process's event loops doing?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_loop(CLI::App& app);

}  // namespace timeslice::tools
