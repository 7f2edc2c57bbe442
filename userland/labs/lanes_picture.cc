// SPDX-License-Identifier: MIT
#include "labs/lanes_picture.h"

#include <algorithm>

#include "labs/parts/rounds.h"

namespace timeslice::labs {

std::string lanes_of(const Run& run, const std::string& round, const view::LaneOptions& options) {
  play::RecordingOptions part;
  part.path = run.recording;
  play::Window window = play::find_window(part);
  if (const auto at = round_in(run.output, round)) {
    const auto since = [&](uint64_t ns) {
      return static_cast<double>(ns - std::min(window.begin_ns, ns)) / 1e9;
    };
    part.from_s = since(at->begin_ns);
    part.to_s = since(at->end_ns);
    window = play::find_window(part);
  }
  model::Lanes lanes(window.begin_ns, window.end_ns, view::lane_cells(options.width));
  const play::Recording recording =
      play::read_recording(part, [&](model::History& history) { history.listen(lanes); });
  std::string text;
  view::append_lanes(
      text, model::make_report(*recording.history, recording.trust, model::By::thread, false),
      lanes, options);
  return text;
}

}  // namespace timeslice::labs
