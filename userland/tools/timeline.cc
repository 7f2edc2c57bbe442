// SPDX-License-Identifier: MIT
#include "tools/timeline.h"

#include <fmt/core.h>

#include <memory>

#include "base/private_file.h"
#include "timeline/page.h"
#include "tools/least_privilege.h"
#include "tools/new_file_option.h"
#include "tools/output.h"
#include "tools/recording_options.h"
#include "view/format/number.h"
#include "view/format/say.h"
#include "view/report/report.h"

namespace timeslice::tools {

namespace {

struct TimelineOptions {
  play::RecordingOptions recording;
  std::string path = "timeline.html";
  Earlier earlier = Earlier::keep_as_old;
};

void timeline(const TimelineOptions& options) {
  keep_rights_for(Work::reading);
  timeline::TimelinePage page;
  const play::Recording recording = play::read_recording(
      options.recording, [&](model::History& history) { history.listen(page); });
  const model::Report report = model::make_report(*recording.history, recording.trust,
                                                  model::By::thread, options.recording.with_self);
  std::string text;
  page.write(text, recording.history->info(), recording.history->threads(),
             recording.history->cores(), view::recording_trust_line(report.trust),
             options.recording.with_self, recording.loops, recording.rings);
  if (options.path == "-" || options.path == "/dev/stdout") {
    if (!write_all(text)) return;
  } else {
    write_private(options.path, text, options.earlier);
  }
  view::say(fmt::format("{}: {} in {:.2f} MB", options.path,
                        view::counted(page.slices(), "slice", "slices"),
                        static_cast<double>(text.size()) / 1e6));
}

}  // namespace

void add_timeline(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("timeline", "Write a recording as one self-contained HTML page");
  auto options = std::make_shared<TimelineOptions>();
  add_recording_options(*command, options->recording);
  add_new_file(*command, "Output file; - is stdout", "FILE.html", options->path, options->earlier);
  command->callback([options] { timeline(*options); });
}

}  // namespace timeslice::tools
