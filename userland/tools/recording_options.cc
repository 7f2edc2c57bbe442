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
                  "Leave out what was before, in seconds from its beginning")
      ->type_name("SEC")
      ->check(number_within(0, 1e9));
  command.add_option("--to", options.to_s, "Leave out what came later")
      ->type_name("SEC")
      ->check(number_within(0, 1e9));
  command.add_flag("--self", options.with_self, "The recorder's own threads as well");
}

}  // namespace timeslice::tools
