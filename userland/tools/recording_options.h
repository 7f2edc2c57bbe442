// SPDX-License-Identifier: MIT
// How is a recording named on the command line, and a part of it? As report, lanes and timeline do.
#pragma once
#include <CLI/CLI.hpp>

#include "play/recording.h"

namespace timeslice::tools {

void add_recording_options(CLI::App& command, play::RecordingOptions& options);

}  // namespace timeslice::tools
