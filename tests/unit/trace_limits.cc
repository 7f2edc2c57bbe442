// SPDX-License-Identifier: MIT
// Can a small file make its reader take memory for millions of threads, or frames for centuries?
#include <cstdlib>
#include <fstream>
#include <protozero/pbf_builder.hpp>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "model/history.h"
#include "play/playback.h"
#include "play/recording.h"
#include "tests/catch.h"
#include "tests/unit/history_loader.h"
#include "tests/unit/perfetto_file.h"
#include "trace/people.h"
#include "trace/reader.h"
#include "trace/tables.h"

using namespace timeslice;
using namespace timeslice::perfetto;

namespace {

std::string refusal(const std::string& file, size_t* threads = nullptr) {
  HistoryLoader loader;
  try {
    trace::read(*trace::in_memory(file), "made", loader);
  } catch (const Failure& failure) {
    return failure.what();
  }
  if (threads) *threads = loader.history->threads().size();
  return "";
}

std::string ours(field::Ours kind, const std::string& message, size_t times = 1) {
  std::string bytes;
  pbf_builder<field::Ours> builder(bytes);
  for (size_t i = 0; i < times; ++i) builder.add_message(kind, message);
  return packet(field::Packet::ours, bytes);
}

std::string our_header() {
  trace::Header header;
  header.version = trace::kVersion;
  header.begin_ns = 5;
  std::string bytes;
  trace::put_fields(bytes, header, trace::table::kHeader);
  return ours(field::Ours::header, bytes);
}

std::string our_end(uint64_t end_ns) {
  trace::Closing closing;
  closing.end_ns = end_ns;
  std::string bytes;
  trace::put_fields(bytes, closing, trace::table::kClosing);
  return ours(field::Ours::closing, bytes);
}

// So many threads, each woken once: the least that can be said of one.
std::string woken(uint32_t count) {
  std::string file;
  for (uint32_t first = 0; first < count; first += 1000) {
    std::vector<std::string> events;
    for (uint32_t i = first; i < std::min(first + 1000, count); ++i) {
      std::string wake, event;
      pbf_builder<field::Wakeup>(wake).add_int32(field::Wakeup::pid, static_cast<int32_t>(1 + i));
      pbf_builder<field::Event>(event).add_message(field::Event::sched_waking, wake);
      events.push_back(event);
    }
    file += bundle(0, events);
  }
  return file;
}

constexpr const char* kTooMany = "too many for its size";

uint64_t frames_of(const std::string& file, uint64_t interval_ns) {
  char path[] = "/tmp/timeslice-limits-XXXXXX";
  const UniqueFd made(::mkstemp(path));
  REQUIRE(made);
  std::ofstream(path, std::ios::binary) << file;
  play::Playback playback(path, "", false);
  std::remove(path);
  playback.step(0);
  uint64_t frames = 0;
  for (; !playback.at_end() && frames < 1'000'000; ++frames)
    playback.step(playback.stride_ns(interval_ns));
  return frames;
}

}  // namespace

TEST_CASE("a file describes no more threads than its size allows") {
  size_t threads = 0;
  CHECK(refusal(woken(50'000), &threads).empty());
  CHECK(threads == 50'000);
  const std::string many = woken(300'000);
  CHECK(trace::most_threads(many.size()) < 300'000);
  CHECK(refusal(many).find(kTooMany) != std::string::npos);
}

TEST_CASE("a file has no more rows than its size allows") {
  const std::string header = our_header();
  for (const auto kind : {field::Ours::opening, field::Ours::closing_row, field::Ours::role}) {
    CHECK(refusal(header + ours(kind, "", 60'000)).empty());
    CHECK(refusal(header + ours(kind, "", 1'000'000)).find(kTooMany) != std::string::npos);
  }
  const std::vector<TreeEntry> names(1'000'000);
  CHECK(refusal(tree(names)).find(kTooMany) != std::string::npos);
}

TEST_CASE("a replay has one frame for a pause of centuries") {
  constexpr uint64_t century = uint64_t{1} << 61;
  constexpr uint64_t second = 1'000'000'000;
  CHECK(frames_of(our_header() + our_end(century), second) <= 2);
  // One wrong time in the file of another recorder.
  const std::string wrong = bundle(
      0, {switch_event(1 * second, {0}, 0, {500, "a"}),
          switch_event(2 * second, {500, "a"}, 1, {0}), switch_event(century, {0}, 0, {500, "a"})});
  CHECK(frames_of(wrong, second) <= 4);
}

TEST_CASE("a replay has a frame for each interval in which something happens") {
  constexpr uint64_t second = 1'000'000'000;
  std::vector<std::string> events;
  for (uint64_t i = 0; i < 100; ++i)
    events.push_back(
        switch_event((1 + 10 * i) * second, {i % 2 ? 500 : 0, ""}, 1, {i % 2 ? 0 : 500, ""}));
  CHECK(frames_of(bundle(0, events), second) == 990);
}
