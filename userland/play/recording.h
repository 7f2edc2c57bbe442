// SPDX-License-Identifier: MIT
// How does a file become a history? What report, lanes and timeline have in common: the
// part of a recording that was asked for, read through the model, with listeners if any.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/history.h"
#include "model/loop_track.h"
#include "model/report.h"
#include "model/uring_track.h"
#include "trace/reader.h"

namespace timeslice::play {

struct RecordingOptions {
  std::string path = "timeslice.pftrace";
  std::optional<double> from_s, to_s;  // since the recording's beginning
  bool with_self = false;              // the recorder's own threads too
};

struct Recording {
  std::unique_ptr<model::History> history;
  model::LoopTracks loops;   // of all of it, whatever part was asked for
  model::UringTracks rings;  // the same
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
  model::LoopTracks loops;
  model::UringTracks rings;
};
Window find_window(const RecordingOptions& options);

// Called once the history is there, before its first event; may add listeners to it.
using BeforeEvents = std::function<void(model::History& history)>;

// Listens for the waits that go on at the window's end, not where records go missing.
class CutWaits : public model::Listener {
 public:
  void slice(const model::Slice&) override {}
  void waiting(const model::Slice& slice) override;
  [[nodiscard]] uint64_t at(uint64_t end_ns) const { return end_ns == last_ns_ ? count_ : 0; }

 private:
  uint64_t last_ns_ = 0, count_ = 0;
};

// Makes a Recording of what trace::read() finds, wherever the bytes come from. Says nothing.
class RecordingLoader : public trace::Visitor {
 public:
  // Of `options` it takes the window, which must not be empty.
  explicit RecordingLoader(RecordingOptions options, BeforeEvents before = {})
      : options_(std::move(options)), before_(std::move(before)) {}
  RecordingLoader(const RecordingLoader&) = delete;
  RecordingLoader& operator=(const RecordingLoader&) = delete;

  void header(const trace::Header& header) override;
  void row(trace::Moment moment, const ts_thread_row& row) override;
  void role(const trace::RoleNote& note) override;
  void loops(const trace::LoopNotes& notes) override;
  void rings(const trace::UringNotes& notes) override;
  void closing(const trace::Closing& closing) override;
  void event(const ts_event& event) override { recording_.history->event(event); }

  // Once, when read() has returned `summary`. Throws Failure if the window begins beyond the end.
  [[nodiscard]] Recording finish(const trace::Summary& summary);

 private:
  RecordingOptions options_;
  BeforeEvents before_;
  Recording recording_;
  CutWaits cut_waits_;
  uint64_t end_ns_ = 0;
};

// Throws Failure. Says on stderr, in a sentence, where the file is broken or ends early.
Recording read_recording(const RecordingOptions& options, const BeforeEvents& before = {});

}  // namespace timeslice::play
