// SPDX-License-Identifier: MIT
// Can any file at all be reported on? libFuzzer makes up bytes; they go the way of a recording that
// `timeslice report` is given: reader, history, report, and each of its forms. Whatever is in them,
// nothing but a Failure may be thrown, time is split without a remainder, JSON is JSON, and a
// terminal is sent no control characters.
//
// Run by `make fuzz SECONDS=60`, beside views_fuzz.cc, which tries what else shows one; what it
// found once is kept in tests/fuzz/corpus.
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "model/history.h"
#include "model/lanes.h"
#include "model/report.h"
#include "play/recording.h"
#include "trace/reader.h"
#include "view/report/report.h"

namespace {

using namespace timeslice;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// Loads a recording as `report` does, and looks at how it is read.
class Loader : public play::RecordingLoader {
 public:
  using RecordingLoader::RecordingLoader;

  void header(const trace::Header& header) override {
    require(!has_header_, "one header comes");
    has_header_ = true;
    begin_ns_ = last_ns_ = header.begin_ns;
    RecordingLoader::header(header);
  }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    require(last_ns_ == begin_ns_, "rows come before all events");
    RecordingLoader::row(moment, row);
  }
  void event(const ts_event& event) override {
    require(has_header_, "the header comes first");
    require(event.time_ns >= last_ns_, "events come in the order of time");
    require(ts_event_size(event.kind) != 0, "events are of a kind that we know");
    last_ns_ = event.time_ns;
    ++events_;
    RecordingLoader::event(event);
  }
  void check(const trace::Summary& summary, size_t size) const {
    require(summary.events == events_, "the summary counts what was handed over");
    require(summary.bytes <= size, "no more is read than there is");
    require(events_ == 0 || summary.last_ns == last_ns_, "the last event is the youngest");
  }

 private:
  bool has_header_ = false;
  uint64_t begin_ns_ = 0, last_ns_ = 0, events_ = 0;
};

play::Recording load(std::string_view bytes, Loader& loader) {
  const trace::Summary summary = trace::read(*trace::in_memory(bytes), "the recording", loader);
  loader.check(summary, bytes.size());
  return loader.finish(summary);
}

void check_sums(const model::History& history) {
  const model::HistoryInfo& info = history.info();
  require(info.begin_ns <= info.end_ns, "a window ends after it begins");
  for (const model::HistoryThread& thread : history.threads()) {
    if (thread.flags & TS_THREAD_OUTSIDE) continue;
    require(thread.first_ns >= info.begin_ns && thread.last_ns <= info.end_ns,
            "a thread's life lies in the window");
    require(thread.oncpu_ns + thread.ready_ns + thread.off_sum_ns() + thread.unseen_ns ==
                thread.last_ns - thread.first_ns,
            "a thread's times add up to its life");
  }
  for (const model::HistoryCore& core : history.cores())
    require(core.busy_ns + core.idle_ns + core.unseen_ns == info.end_ns - info.begin_ns,
            "a core's times add up to the window");
}

void check_views(const model::History& history, const model::RecordingTrust& trust) {
  if (history.threads().size() > 1000) return;  // more of the same, and slow
  for (const model::By by : {model::By::thread, model::By::process, model::By::role}) {
    const model::Report report = model::make_report(history, trust, by, false);
    std::string text, json, csv;
    view::append_report_text(text, report, 0);
    view::append_cores_text(text, report);
    for (const char c : text)
      require(c == '\n' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f),
              "text has no control characters");
    view::append_report_json(json, report);
    require(nlohmann::json::accept(json), "JSON is JSON");
    view::append_report_csv(csv, report);
    view::append_cores_csv(csv, report);
  }
}

void check_loops(const play::Recording& recording) {
  const model::HistoryInfo& info = recording.history->info();
  const model::LoopFrame loops = summed_up(recording.loops, info.begin_ns, info.end_ns);
  for (const model::LoopTrack& track : recording.loops.loops)
    for (const model::LoopBlock& block : track.blocks)
      require(block.split.sum() == block.duration_ns, "a block's times add up to it");
  if (loops.loops.size() > 100) return;
  const model::Report report =
      model::make_report(*recording.history, recording.trust, model::By::process, false);
  std::string text, json, csv;
  view::append_loops_text(text, report, loops);
  view::append_loops_csv(csv, loops);
  for (const char c : text + csv)
    require(c == '\n' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f),
            "what is told of loops has no control characters");
  view::append_loops_json(json, report, loops);
  require(nlohmann::json::accept(json), "what is told of loops is JSON");
}

void check_rings(const play::Recording& recording) {
  const model::HistoryInfo& info = recording.history->info();
  const model::UringFrame rings = summed_up(recording.rings, info.begin_ns, info.end_ns);
  if (rings.rings.size() > 100) return;
  const model::Report report =
      model::make_report(*recording.history, recording.trust, model::By::process, false);
  std::string text, json, csv;
  view::append_rings_text(text, report, rings);
  view::append_rings_csv(csv, rings);
  for (const char c : text + csv)
    require(c == '\n' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f),
            "what is told of rings has no control characters");
  view::append_rings_json(json, report, rings);
  require(nlohmann::json::accept(json), "what is told of rings is JSON");
}

// The same with a part of the window, and with somebody who listens.
void check_part(std::string_view bytes, const model::HistoryInfo& whole) {
  const uint64_t quarter_ns = (whole.end_ns - whole.begin_ns) / 4;
  model::Lanes lanes(whole.begin_ns + quarter_ns, whole.end_ns - quarter_ns, 40);
  play::RecordingOptions options;
  if (quarter_ns > 0) {
    options.from_s = static_cast<double>(quarter_ns) / 1e9;
    options.to_s = static_cast<double>(whole.end_ns - quarter_ns - whole.begin_ns) / 1e9;
  }
  Loader loader(options, [&](model::History& history) { history.listen(lanes); });
  check_sums(*load(bytes, loader).history);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  play::Recording whole;
  try {
    Loader loader{play::RecordingOptions{}};
    whole = load(bytes, loader);
  } catch (const Failure&) {
    return 0;
  }
  check_sums(*whole.history);
  check_views(*whole.history, whole.trust);
  check_loops(whole);
  check_rings(whole);
  check_part(bytes, whole.history->info());
  return 0;
}
