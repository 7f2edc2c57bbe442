// SPDX-License-Identifier: MIT
#include "play/recording.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/bad_usage.h"
#include "play/loop_tracks.h"
#include "play/uring_tracks.h"
#include "view/format/number.h"
#include "view/format/say.h"

namespace timeslice::play {

namespace {

constexpr size_t kMostNamed = 4;  // of the processes that were asked for

std::string asked_for(const trace::Header& header) {
  if (!header.asked.empty()) return header.asked;
  std::string text;
  const size_t named = std::min(header.tgids.size(), kMostNamed);
  for (size_t i = 0; i < named; ++i)
    text += (i ? ", " : named > 1 ? "processes " : "process ") + std::to_string(header.tgids[i]);
  if (const size_t more = header.tgids.size() - named)
    text += " and " + view::grouped(more) + " more";
  return text;
}

uint64_t moment_of(uint64_t begin_ns, const std::optional<double>& seconds) {
  return seconds ? begin_ns + static_cast<uint64_t>(*seconds * 1e9) : 0;
}

void refuse_empty_window(const RecordingOptions& options) {
  if (options.from_s && options.to_s && *options.from_s >= *options.to_s)
    throw BadUsage("--from must be before --to");
}

}  // namespace

model::HistoryInfo info_of(const trace::Header& header) {
  model::HistoryInfo info;
  info.begin_ns = header.begin_ns;
  info.realtime_ns = header.realtime_ns;
  if (!header.release.empty())
    info.machine = header.system + " " + header.release + " " + header.machine;
  info.asked = asked_for(header);
  info.cores = header.online;
  info.idle_cores = header.idle;
  info.filtered = header.filtered;
  info.recorder_tgid = header.recorder_tgid;
  info.most_threads = header.most_threads;
  info.has_waits = header.ours();
  return info;
}

std::vector<std::string> shortcomings(const std::string& path, const trace::Summary& summary,
                                      const trace::Header& header) {
  std::vector<std::string> sentences;
  if (summary.being_recorded)
    sentences.push_back(path + " is still being recorded; later events are not shown");
  if (!summary.stopped.empty())
    sentences.push_back(
        fmt::format("{}: {}; showing everything before that", path, summary.stopped));
  if (!summary.has_closing && header.ours() && !summary.being_recorded)
    sentences.push_back(
        path +
        " has no end marker (its recorder was killed or ran out of space, or this is "
        "a copy of an unfinished recording); its end may be missing");
  if (summary.broken)
    sentences.push_back(
        fmt::format("{}: {} skipped", path,
                    view::counted(summary.broken, "damaged part was", "damaged parts were")));
  return sentences;
}

Window find_window(const RecordingOptions& options) {
  refuse_empty_window(options);
  class Ends : public trace::Visitor {
   public:
    void header(const trace::Header& header) override {
      header_ = header;
      window.begin_ns = header.begin_ns;
    }
    void row(trace::Moment, const ts_thread_row&) override {}
    void role(const trace::RoleNote&) override {}
    void loops(const trace::LoopNotes& notes) override {
      window.loops = loop_tracks_of(header_, notes);
    }
    void rings(const trace::UringNotes& notes) override {
      window.rings = uring_tracks_of(header_, notes);
    }
    void closing(const trace::Closing& closing) override { window.end_ns = closing.end_ns; }
    void event(const ts_event&) override {}
    Window window;

   private:
    trace::Header header_;
  };
  Ends ends;
  const auto bytes = trace::open_file(options.path);
  const trace::Summary summary = trace::read(*bytes, options.path, ends);
  Window window = std::move(ends.window);
  window.end_ns = std::max({window.end_ns, summary.last_ns, window.begin_ns});
  const uint64_t begin_ns = window.begin_ns;
  if (options.from_s)
    window.begin_ns = std::min(moment_of(begin_ns, options.from_s), window.end_ns);
  if (options.to_s) window.end_ns = std::min(moment_of(begin_ns, options.to_s), window.end_ns);
  window.end_ns = std::max(window.begin_ns, window.end_ns);
  return window;
}

void CutWaits::waiting(const model::Slice& slice) {
  if (slice.begin_ns > last_ns_) count_ = 0;
  last_ns_ = std::max(last_ns_, slice.begin_ns);
  count_ += slice.begin_ns == last_ns_;
}

void RecordingLoader::header(const trace::Header& header) {
  recording_.header = header;
  recording_.history =
      std::make_unique<model::History>(info_of(header), moment_of(header.begin_ns, options_.from_s),
                                       moment_of(header.begin_ns, options_.to_s));
  recording_.trust.recorder = header.recorder;
  recording_.trust.kernel_waits = header.ours();
  if (before_) before_(*recording_.history);
  recording_.history->listen(cut_waits_);
}

void RecordingLoader::row(trace::Moment moment, const ts_thread_row& row) {
  if (moment == trace::Moment::opening)
    recording_.history->opening(row);
  else
    recording_.history->closing(row);
}

void RecordingLoader::role(const trace::RoleNote& note) {
  recording_.history->role(note.tid, note.start_ns, {note.name, note.evidence, note.confidence});
}

void RecordingLoader::loops(const trace::LoopNotes& notes) {
  recording_.loops = loop_tracks_of(recording_.header, notes);
}

void RecordingLoader::rings(const trace::UringNotes& notes) {
  recording_.rings = uring_tracks_of(recording_.header, notes);
}

void RecordingLoader::closing(const trace::Closing& closing) {
  end_ns_ = closing.end_ns;
  model::RecordingTrust& trust = recording_.trust;
  for (const uint64_t lost : closing.lost) trust.lost += lost;
  trust.unfollowed = closing.filter_failures;
  trust.suspended_ns = closing.suspended_ns;
  trust.recorder_cpu_ns = closing.recorder_cpu_ns;
}

Recording RecordingLoader::finish(const trace::Summary& summary) {
  const uint64_t begin_ns = recording_.header.begin_ns;
  const uint64_t end_ns = std::max({end_ns_, summary.last_ns, begin_ns});
  if (options_.from_s && moment_of(begin_ns, options_.from_s) >= end_ns)
    throw Failure(fmt::format("--from is beyond the end of the recording, at {:.3f} s",
                              static_cast<double>(end_ns - begin_ns) / 1e9));
  recording_.history->finish(end_ns);
  model::RecordingTrust& trust = recording_.trust;
  trust.broken = summary.broken;
  trust.stopped = summary.stopped;
  trust.being_recorded = summary.being_recorded;
  trust.complete = summary.has_closing || !recording_.header.ours();
  trust.cut_waits = cut_waits_.at(recording_.history->info().end_ns);
  return std::move(recording_);
}

Recording read_recording(const RecordingOptions& options, const BeforeEvents& before) {
  refuse_empty_window(options);
  RecordingLoader loader(options, before);
  const auto bytes = trace::open_file(options.path);
  const trace::Summary summary = trace::read(*bytes, options.path, loader);
  Recording recording = loader.finish(summary);
  for (const std::string& sentence : shortcomings(options.path, summary, recording.header))
    view::say(sentence);
  return recording;
}

}  // namespace timeslice::play
