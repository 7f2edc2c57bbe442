// SPDX-License-Identifier: MIT
// Can any file at all be looked at? libFuzzer makes up bytes; they go the way of a recording that
// is given to `timeslice timeline`, `timeslice lanes` and `timeslice top --replay`: the page with
// all that is in it, lanes as text, and frames step by step, back and forth, in each of their
// forms. Whatever is in the bytes, nothing but a Failure may be thrown, the page's facts and the
// frames are JSON, a terminal is sent no control characters, and a jump comes to where steps come
// to.
//
// Run by `make fuzz SECONDS=60`, beside trace_fuzz.cc, which tries reading and the report.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "model/history.h"
#include "model/lanes.h"
#include "model/report.h"
#include "play/playback.h"
#include "play/recording.h"
#include "timeline/page.h"
#include "trace/reader.h"
#include "view/format/csv.h"
#include "view/format/json.h"
#include "view/format/text.h"
#include "view/report/lanes.h"
#include "view/report/report.h"

namespace {

using namespace timeslice;

constexpr size_t kMostThreads = 300;  // more are more of the same, and slow
constexpr uint64_t kSteps = 6;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

void require_printable(std::string_view text) {
  for (const char c : text)
    require(c == '\n' || (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f),
            "text has no control characters");
}

// What stands in the page's element of that id.
std::string_view element(std::string_view page, std::string_view id) {
  const size_t tag = page.find(" id=\"" + std::string(id) + "\"");
  require(tag != std::string_view::npos, "the page has its parts");
  const size_t begin = page.find('>', tag) + 1;
  return page.substr(begin, page.find('<', begin) - begin);
}

void check_page(const timeline::TimelinePage& page, const model::History& history,
                const model::Report& report, bool with_recorder) {
  std::string text;
  page.write(text, history.info(), history.threads(), history.cores(),
             view::recording_trust_line(report.trust), with_recorder);
  require(nlohmann::json::accept(element(text, "facts")), "the page's facts are JSON");
}

play::Recording load(std::string_view bytes, play::RecordingLoader& loader) {
  return loader.finish(trace::read(*trace::in_memory(bytes), "the recording", loader));
}

void look_at_whole(std::string_view bytes, const play::Window& window) {
  timeline::TimelinePage page;
  model::Lanes lanes(window.begin_ns, window.end_ns, view::lane_cells(80));
  std::optional<model::LoopLanes> loops;
  play::RecordingLoader loader(play::RecordingOptions{}, [&](model::History& history) {
    history.listen(page);
    history.listen(lanes);
    const model::Cells cells(window.begin_ns, window.end_ns, lanes.cells());
    history.listen(loops.emplace(history, window.loops.loops, 100, cells));
  });
  const play::Recording recording = load(bytes, loader);
  const model::History& history = *recording.history;
  require(history.info().end_ns == window.end_ns, "the window is known beforehand");
  if (history.threads().size() > kMostThreads) return;
  const model::Report report =
      model::make_report(history, recording.trust, model::By::thread, bytes.size() % 2 == 0);
  const model::RingLanes rings(window.rings.rings, 100,
                               model::Cells(window.begin_ns, window.end_ns, lanes.cells()));
  std::string text;
  for (const bool ascii : {false, true})
    view::append_lanes(text, report, lanes, {.ascii = ascii, .loops = &*loops, .rings = &rings});
  require_printable(text);
  // Packing the page's program takes longer than all else.
  if (bytes.size() % 8 == 0) check_page(page, history, report, bytes.size() % 16 == 0);
}

std::string json_of(const model::Frame& frame) {
  std::string json;
  view::append_json(json, frame);
  require(nlohmann::json::accept(json), "a frame is JSON");
  return json;
}

// Some whole steps, each in all forms; what the last came to.
std::string step_through(play::Playback& playback, uint64_t interval_ns) {
  view::TextWriter writer;
  std::string last = json_of(playback.step(0));
  for (uint64_t i = 0; i < kSteps; ++i) {
    const model::Frame& frame = playback.step(interval_ns);
    if (frame.threads.size() > kMostThreads) return "";
    std::string text, csv;
    writer.append(text, frame, {});
    require_printable(text);
    view::append_csv(csv, frame);
    require_printable(csv);
    last = json_of(frame);
  }
  return last;
}

void play_all(const std::string& path) {
  play::Playback playback(path, "", true);
  const uint64_t whole_ns = playback.end_ns() - playback.begin_ns();
  const uint64_t interval_ns = whole_ns / kSteps;
  if (interval_ns == 0) return;
  require(playback.stride_ns(interval_ns) >= interval_ns, "a step goes on");
  const std::string stepped = step_through(playback, interval_ns);
  if (stepped.empty()) return;
  const uint64_t at_ns = playback.now_ns();
  require(at_ns == playback.begin_ns() + kSteps * interval_ns, "steps are whole");
  playback.jump(playback.begin_ns() + whole_ns / 3, interval_ns);
  require(json_of(playback.jump(at_ns, interval_ns)) == stepped,
          "a jump comes to where steps come to");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const UniqueFd file(memfd_create("recording", MFD_CLOEXEC));
  require(file && write(file.get(), data, size) == static_cast<ssize_t>(size), "a file is made");
  play::RecordingOptions options;
  options.path = "/proc/self/fd/" + std::to_string(file.get());
  try {
    const play::Window window = play::find_window(options);
    require(window.begin_ns <= window.end_ns, "a window ends after it begins");
    look_at_whole(bytes, window);
    play_all(options.path);
  } catch (const Failure&) {
  }
  return 0;
}
