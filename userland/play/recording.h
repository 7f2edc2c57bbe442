// SPDX-License-Identifier: MIT
// How does a file become a history? What report, lanes and timeline have in common: the
// part of a recording that was asked for, read through the model, with listeners if any.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/history.h"
#include "model/report.h"
#include "trace/reader.h"

namespace timeslice::play {

struct RecordingOptions {
  std::string path = "timeslice.pftrace";
  std::optional<double> from_s, to_s;  // since the recording's beginning
  bool with_self = false;              // the recorder's own threads too
};

struct Recording {
  std::unique_ptr<model::History> history;
  model::RecordingTrust trust;
  trace::Header header;
};

// What the model is told of a recording before its first row.
model::HistoryInfo info_of(const trace::Header& header);

// Where the file is broken or ends early: a sentence each, with its name.
std::vector<std::string> shortcomings(const std::string& path, const trace::Summary& summary,
                                      const trace::Header& header);

// What is left between --from and --to. Reads the file once, and says nothing.
struct Window {
  uint64_t begin_ns = 0, end_ns = 0;
};
Window find_window(const RecordingOptions& options);

// Called once the history is there, before its first event; may add listeners to it.
using BeforeEvents = std::function<void(model::History& history)>;

// Throws Failure. Says on stderr, in a sentence, where the file is broken or ends early.
Recording read_recording(const RecordingOptions& options, const BeforeEvents& before = {});

}  // namespace timeslice::play
