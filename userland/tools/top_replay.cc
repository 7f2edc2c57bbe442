// SPDX-License-Identifier: MIT
// Batch mode of a recording: as fast as it can be read, a frame for each interval of its time, and
// one for what is left of the last. A long pause in which nothing happens has one frame as well: a
// single wrong time in a file may lie centuries ahead.
#include "play/playback.h"
#include "tools/frame_printer.h"
#include "view/format/say.h"
#include "view/format/wall_clock.h"

namespace timeslice::tools {

void run_replay_batch(const TopOptions& options) {
  play::Playback playback(options.replay, options.watch.comm_glob, false);
  for (const std::string& note : playback.notes()) view::say(note);
  FramePrinter printer(options.format, options.order);
  if (!printer.begin()) return;
  playback.step(0);  // who was there when it began
  const auto interval_ns = static_cast<uint64_t>(options.delay_s * 1e9);
  for (uint64_t done = 0; !playback.at_end() && done != options.refreshes.value_or(UINT64_MAX);
       ++done) {
    const model::Frame& frame = playback.step(playback.stride_ns(interval_ns));
    if (!printer.print(frame, view::time_of_day(playback.realtime_ns(playback.now_ns())))) return;
  }
}

}  // namespace timeslice::tools
