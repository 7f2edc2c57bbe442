// SPDX-License-Identifier: MIT
// timeslice uring: what does io_uring do for a live process?
#pragma once
#include <CLI/CLI.hpp>

namespace timeslice::tools {

void add_uring(CLI::App& app);

}  // namespace timeslice::tools
