// SPDX-License-Identifier: MIT
#include "tools/lanes.h"

#include <clocale>
#include <memory>
#include <optional>

#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/output.h"
#include "tools/recording_options.h"
#include "tools/terminal.h"
#include "view/report/lanes.h"

namespace timeslice::tools {

namespace {

struct LanesOptions {
  play::RecordingOptions recording;
  std::string colour = "thread";
  std::optional<uint32_t> width;
  uint32_t threads = 20;
  bool ascii = false;
};

uint32_t width_by_default() {
  const uint32_t columns = terminal_columns();
  return columns >= 40 ? columns : 120;
}

view::LaneOptions view_options(const LanesOptions& options) {
  view::LaneOptions view;
  view.width = options.width.value_or(width_by_default());
  view.threads = options.threads;
  view.ascii = options.ascii || !locale_is_utf8();
  if (terminal_has_colour() && options.colour != "none")
    view.colour = options.colour == "reason" ? view::LaneColour::reason : view::LaneColour::thread;
  return view;
}

void lanes(const LanesOptions& options) {
  keep_rights_for(Work::reading);
  std::setlocale(LC_ALL, "");
  view::LaneOptions view = view_options(options);
  const play::Window window = play::find_window(options.recording);
  model::Lanes lanes(window.begin_ns, window.end_ns, view::lane_cells(view.width));
  std::optional<model::LoopLanes> loops;
  const play::Recording recording =
      play::read_recording(options.recording, [&](model::History& history) {
        history.listen(lanes);
        if (!window.loops.recorded()) return;
        const model::Cells cells(window.begin_ns, window.end_ns, lanes.cells());
        history.listen(loops.emplace(history, window.loops.loops, view.threads, cells));
      });
  if (loops) view.loops = &*loops;
  std::optional<model::RingLanes> rings;
  if (window.rings.recorded)
    view.rings = &rings.emplace(window.rings.rings, view.threads,
                                model::Cells(window.begin_ns, window.end_ns, lanes.cells()));
  const model::Report report = model::make_report(*recording.history, recording.trust,
                                                  model::By::thread, options.recording.with_self);
  std::string text;
  view::append_lanes(text, report, lanes, view);
  write_all(text);
}

}  // namespace

void add_lanes(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("lanes", "Draw a recording's CPUs and threads over time, as text");
  auto options = std::make_shared<LanesOptions>();
  add_recording_options(*command, options->recording);
  command
      ->add_option("--colour", options->colour,
                   "Colour by thread, by the reason it left the CPU, or not at all")
      ->check(one_of({"thread", "reason", "none"}))
      ->capture_default_str();
  command->add_option("--width", options->width, "Width in characters; default: the terminal's")
      ->check(whole_within(40, 10000));
  command
      ->add_option("--threads", options->threads,
                   "Number of threads drawn, the busiest first, of event loops, and of rings")
      ->check(whole_within(0, 100000))
      ->capture_default_str();
  command->add_flag("--ascii", options->ascii, "Use ASCII characters only");
  command->callback([options] { lanes(*options); });
}

}  // namespace timeslice::tools
