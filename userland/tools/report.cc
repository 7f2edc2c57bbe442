// SPDX-License-Identifier: MIT
#include "tools/report.h"

#include <memory>

#include "base/bad_usage.h"
#include "base/failure.h"
#include "tools/checks.h"
#include "tools/least_privilege.h"
#include "tools/output.h"
#include "tools/recording_options.h"
#include "view/report/report.h"

namespace timeslice::tools {

namespace {

struct ReportOptions {
  play::RecordingOptions recording;
  std::string by = "thread";
  bool json = false, csv = false;
  size_t rows = 40;
};

model::By by_of(const std::string& name) {
  if (name == "process") return model::By::process;
  return name == "role" ? model::By::role : model::By::thread;
}

std::string loop_report(const ReportOptions& options, const play::Recording& recording,
                        const model::Report& report) {
  if (!recording.loops.recorded())
    throw Failure(options.recording.path +
                  " has no event loops: they are recorded by `timeslice record --loop`");
  const model::HistoryInfo& window = recording.history->info();
  const model::LoopFrame loops = summed_up(recording.loops, window.begin_ns, window.end_ns);
  std::string text;
  if (options.json)
    view::append_loops_json(text, report, loops);
  else if (options.csv)
    view::append_loops_csv(text, loops);
  else
    view::append_loops_text(text, report, loops);
  return text;
}

// A process that was gone before the recorder had its name has it from its switches.
void add_names(model::UringFrame& rings, const model::History& history) {
  for (model::UringProcess& process : rings.processes)
    for (const model::HistoryThread& thread : history.threads())
      if (process.command.empty() && thread.tid == process.tgid && thread.tgid == process.tgid)
        process.command = thread.comm;
}

std::string ring_report(const ReportOptions& options, const play::Recording& recording,
                        const model::Report& report) {
  if (!recording.rings.recorded)
    throw Failure(options.recording.path +
                  " has no io_uring rings: they are recorded by `timeslice record --uring`");
  const model::HistoryInfo& window = recording.history->info();
  model::UringFrame rings = summed_up(recording.rings, window.begin_ns, window.end_ns);
  add_names(rings, *recording.history);
  std::string text;
  if (options.json)
    view::append_rings_json(text, report, rings);
  else if (options.csv)
    view::append_rings_csv(text, rings);
  else
    view::append_rings_text(text, report, rings);
  return text;
}

void report(const ReportOptions& options) {
  if (options.json && options.csv) throw BadUsage("use either --json or --csv, not both");
  keep_rights_for(Work::reading);
  const play::Recording recording = play::read_recording(options.recording);
  const model::Report report = model::make_report(*recording.history, recording.trust,
                                                  by_of(options.by), options.recording.with_self);
  if (options.by == "loop") {
    write_all(loop_report(options, recording, report));
    return;
  }
  if (options.by == "ring") {
    write_all(ring_report(options, recording, report));
    return;
  }
  std::string text;
  const bool cores = options.by == "core";
  if (options.json)
    view::append_report_json(text, report);
  else if (options.csv)
    cores ? view::append_cores_csv(text, report) : view::append_report_csv(text, report);
  else if (cores) {
    view::append_cores_text(text, report);
    text += view::recording_trust_line(report.trust) + "\n";
  } else {
    view::append_report_text(text, report, options.rows);
  }
  write_all(text);
}

}  // namespace

void add_report(CLI::App& app) {
  CLI::App* command = app.add_subcommand("report", "Print a recording as tables");
  auto options = std::make_shared<ReportOptions>();
  add_recording_options(*command, options->recording);
  command
      ->add_option("--by", options->by,
                   "One row per thread, process, role, CPU (core), event loop or io_uring ring")
      ->check(one_of({"thread", "process", "role", "core", "loop", "ring"}))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object");
  command->add_flag("--csv", options->csv, "Print CSV, one line per row");
  command->add_option("--rows", options->rows, "Rows in the table; 0: all that ran")
      ->check(whole_within(0, UINT32_MAX))
      ->capture_default_str();
  command->callback([options] { report(*options); });
}

}  // namespace timeslice::tools
