// SPDX-License-Identifier: MIT
#include "tools/recording_options.h"

#include "tools/checks.h"

namespace timeslice::tools {

void add_recording_options(CLI::App& command, play::RecordingOptions& options) {
  command.add_option("recording", options.path, "The recording, a Perfetto trace")
      ->type_name("FILE")
      ->capture_default_str();
  command
      .add_option("--from", options.from_s,
                  "Start of the window, in seconds from the start of the recording")
      ->type_name("SEC")
      ->check(number_within(0, 1e9));
  command
      .add_option("--to", options.to_s,
                  "End of the window, in seconds from the start of the recording")
      ->type_name("SEC")
      ->check(number_within(0, 1e9));
  command.add_flag("--self", options.with_self, "Include the recorder's own threads");
}

}  // namespace timeslice::tools
