// SPDX-License-Identifier: MIT
// Can any file at all be reported on? libFuzzer makes up bytes; they go the way of a recording that
// `timeslice report` is given: reader, history, report, and each of its forms. Whatever is in them,
// nothing but a Failure may be thrown, time is split without a remainder, JSON is JSON, and a
// terminal is sent no control characters.
//
// Run by `make fuzz SECONDS=60`, beside views_fuzz.cc, which tries what else shows one; what it
// found once is kept in tests/fuzz/corpus.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "model/history.h"
#include "model/lanes.h"
#include "model/report.h"
#include "trace/reader.h"
#include "view/report/report.h"

namespace {

using namespace timeslice;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

// As play/recording.cc has it.
class Loader : public trace::Visitor {
 public:
  void header(const trace::Header& header) override {
    require(history == nullptr, "one header comes");
    begin_ns = end_ns = last_ns = header.begin_ns;
    from_ns = std::max(from_ns, begin_ns);
    model::HistoryInfo info;
    info.begin_ns = header.begin_ns;
    info.realtime_ns = header.realtime_ns;
    info.machine = header.release;
    info.asked = header.asked;
    info.filtered = header.filtered;
    info.recorder_tgid = header.recorder_tgid;
    info.has_waits = header.ours();
    history = std::make_unique<model::History>(info, from_ns, to_ns);
    trust.recorder = header.recorder;
    if (listener) history->listen(*listener);
  }
  void row(trace::Moment moment, const ts_thread_row& row) override {
    require(last_ns == begin_ns, "rows come before all events");
    if (moment == trace::Moment::opening)
      history->opening(row);
    else
      history->closing(row);
  }
  void role(const trace::RoleNote& note) override {
    history->role(note.tid, note.start_ns, {note.name, note.evidence, note.confidence});
  }
  void closing(const trace::Closing& closing) override {
    end_ns = std::max(end_ns, closing.end_ns);
    for (const uint64_t lost : closing.lost) trust.lost += lost;
    trust.suspended_ns = closing.suspended_ns;
    trust.recorder_cpu_ns = closing.recorder_cpu_ns;
  }
  void event(const ts_event& event) override {
    require(history != nullptr, "the header comes first");
    require(event.time_ns >= last_ns, "events come in the order of time");
    require(ts_event_size(event.kind) != 0, "events are of a kind that we know");
    last_ns = event.time_ns;
    ++events;
    history->event(event);
  }

  uint64_t from_ns = 0, to_ns = 0;  // the window asked for
  model::Listener* listener = nullptr;
  std::unique_ptr<model::History> history;
  model::RecordingTrust trust;
  uint64_t begin_ns = 0, end_ns = 0, last_ns = 0, events = 0;
};

void read(std::string_view bytes, Loader& loader) {
  const trace::Summary summary = trace::read(*trace::in_memory(bytes), "the recording", loader);
  require(summary.events == loader.events, "the summary counts what was handed over");
  require(summary.bytes <= bytes.size(), "no more is read than there is");
  require(loader.events == 0 || summary.last_ns == loader.last_ns,
          "the last event is the youngest");
  loader.end_ns = std::max(loader.end_ns, loader.last_ns);
  loader.history->finish(loader.end_ns);
  loader.trust.broken = summary.broken;
  loader.trust.stopped = summary.stopped;
  loader.trust.complete = summary.has_closing;
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Loader whole;
  try {
    read(bytes, whole);
  } catch (const Failure&) {
    return 0;
  }
  check_sums(*whole.history);
  check_views(*whole.history, whole.trust);

  // The same with a part of the window, and with somebody who listens.
  const uint64_t quarter = (whole.end_ns - whole.begin_ns) / 4;
  Loader part;
  part.from_ns = whole.begin_ns + quarter;
  part.to_ns = whole.end_ns - quarter;
  model::Lanes lanes(part.from_ns, part.to_ns, 40);
  part.listener = &lanes;
  read(bytes, part);
  check_sums(*part.history);
  return 0;
}
