// SPDX-License-Identifier: MIT
// Does `timeslice top --replay` come to what `report` says of the same recording, and to what the
// kernel says? And do keys move through its time in a real terminal?
#include <algorithm>
#include <cmath>
#include <map>
#include <regex>

#include "play/playback.h"
#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/terminal.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

std::string ids_of(const Cast& cast) {
  std::string ids;
  for (const auto& workload : cast)
    ids += (ids.empty() ? "" : ",") + std::to_string(workload->pid());
  return ids;
}

// The workload at rest, at work and at rest again.
std::unique_ptr<Recording> record(const Cast& cast) {
  auto recording = std::make_unique<Recording>(std::vector<std::string>{"-q", "-p", ids_of(cast)});
  run_together(cast);
  const Outcome outcome = recording->finish();
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return recording;
}

std::vector<Json> replayed(const Recording& recording, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"--replay", recording.path(), "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = run(top(arguments));
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return objects_in(outcome.out);
}

std::map<uint32_t, ts_thread_row> rows_of(const model::Frame& frame) {
  std::map<uint32_t, ts_thread_row> rows;
  for (const model::Thread* thread : frame.threads)
    if (!thread->ended) rows[thread->row.tid] = thread->row;
  return rows;
}

uint64_t ns(const Json& ms) { return static_cast<uint64_t>(std::llround(ms.get<double>() * 1e6)); }

// From the first frame to the last, to the unit and to the nanosecond.
void check_totals(const Recording& recording) {
  play::Playback playback(recording.path(), "", false);
  const auto first = rows_of(playback.step(0));
  while (!playback.at_end()) playback.step(20'000'000);
  const auto last = rows_of(playback.jump(playback.end_ns(), 1'000'000));
  const Json report = recording.report();
  REQUIRE(report["threads"].size() == last.size());
  for (const Json& thread : report["threads"]) {
    INFO(thread.dump());
    const ts_thread_row &from = first.at(thread["tid"]), &to = last.at(thread["tid"]);
    CHECK(to.nvcsw - from.nvcsw == thread["nvcsw"]);
    CHECK(to.nivcsw - from.nivcsw == thread["nivcsw"]);
    CHECK(to.cpu_ns - from.cpu_ns == ns(thread["oncpu_ms"]));
    CHECK(to.run_delay_ns - from.run_delay_ns == ns(thread["run_delay_ms"]));
    CHECK(to.slices - from.slices == thread["slices"]);
    CHECK(to.migrations - from.migrations == thread["migrations"]);
  }
}

// Some machines hide a few threads of their own, and with them who comes after: the wait before
// such an arrival is in the kernel's total alone, and the report says that it is missing.
void check_wait(uint64_t wait_ms, const Truth& truth, const Json& reported) {
  INFO(reported.dump());
  const Json& kernel = reported["kernel"];
  const uint64_t truth_ms = truth.run_delay_ns / 1'000'000;
  CHECK(wait_ms <= truth_ms);
  if (reported["slices"] >= kernel["slices"]) {
    CHECK(wait_ms == truth_ms);
    return;
  }
  const double missing_ms =
      kernel["run_delay_ms"].get<double>() - reported["run_delay_ms"].get<double>();
  CHECK(static_cast<double>(truth_ms - wait_ms) <= missing_ms + 1);
}

// A top that shows a recording of 1.5 s, in a terminal of its own; it plays.
struct Replayed : Terminal {
  Replayed(int width, int height) : Terminal(width, height) {
    run_until_long_enough();
    enter(timeslice() + " top -d 0.1 --replay " + recording->path());
    REQUIRE(shows("recorded 20"));
  }

  void run_until_long_enough() {
    recording = std::make_unique<Recording>(
        std::vector<std::string>{"-q", "--seconds", "1.5", "-p", ids_of(cast)});
    run_together(cast);
    REQUIRE(recording->wait().status == 0);
    play::Playback playback(recording->path(), "", false);
    whole_s = static_cast<double>(playback.end_ns() - playback.begin_ns()) / 1e9;
  }

  // What the time bar says, -1 where there is none.
  double position() {
    std::smatch found;
    const std::string line = lines().at(1);
    return std::regex_search(line, found, std::regex("([0-9.]+) / [0-9.]+ s$"))
               ? std::stod(found[1])
               : -1;
  }
  bool comes_to(double wanted_s) {
    return until([&] { return std::abs(position() - wanted_s) < 0.0011; });
  }

  Cast cast = mixed_threads();
  std::unique_ptr<Recording> recording;
  double whole_s = 0;
};

}  // namespace

TEST_CASE("a replay adds up to the report") {
  check_totals(*record(sleeper()));
  check_totals(*record(yielder()));
  check_totals(*record(ping_pong()));
  check_totals(*record(mixed_threads()));
  check_totals(*record(pinned_spinners()));
}

TEST_CASE("the last frame's totals are the kernel's") {
  const Cast cast = ping_pong();
  const auto recording = record(cast);
  const std::vector<Json> frames = replayed(*recording, {"-d", "0.05"});
  REQUIRE_FALSE(frames.empty());
  const Json& last = frames.back();
  const Json report = recording->report();
  CHECK(last["schema"] == "timeslice/top/1");
  CHECK(last["source"] == "recording");
  CHECK(last["trust"]["lost_records"] == 0);
  for (const auto& workload : cast) {
    const Truth truth = truth_of(workload->pid(), workload->pid());
    const Json thread = find_by(last["threads"], "tid", workload->pid());
    REQUIRE(thread.is_object());
    CHECK(thread["nvcsw"] == truth.nvcsw);
    CHECK(thread["nivcsw"] == truth.nivcsw);
    check_wait(thread["wait_ms"], truth, find_by(report["threads"], "tid", workload->pid()));
    CHECK(thread["state"] == "S");
    const Json& waker = thread["top_waker"];
    REQUIRE(waker.is_object());
    CHECK(waker["count"] > 0);
  }
}

TEST_CASE("nothing is missing for a command that starts and ends within the recording") {
  Recording recording({"-q", "--", "sh", "-c", "for i in 1 2 3; do sleep 0.05; done; true | cat"});
  REQUIRE(recording.wait().status == 0);
  std::map<uint32_t, Json> last;
  for (const Json& frame : replayed(recording, {"-d", "0.05"}))
    for (const Json& thread : frame["threads"])
      if (!thread["ended"]) last[thread["tid"]] = thread;
  size_t born = 0;
  const Json report = recording.report();
  for (const Json& thread : report["threads"]) {
    if (!thread["born"]) continue;
    ++born;
    INFO(thread.dump());
    const Json& seen = last[thread["tid"]];
    REQUIRE(seen.is_object());
    CHECK(seen["nvcsw"] == thread["nvcsw"]);
    CHECK(seen["nivcsw"] == thread["nivcsw"]);
    CHECK(seen["state"] == "X");
  }
  CHECK(born >= 5);
}

TEST_CASE("batch mode steps through a recording without waiting, and ends at its end") {
  Recording recording({"-q", "--seconds", "1", "-p", std::to_string(getpid())});
  REQUIRE(recording.wait().status == 0);
  const auto began = Clock::now();
  const std::vector<Json> all = replayed(recording, {"-d", "0.05"});
  const double lasted_s = recording.report()["duration_s"];
  CHECK(static_cast<double>(all.size()) >= lasted_s / 0.05 - 1);
  CHECK(static_cast<double>(all.size()) <= lasted_s / 0.05 + 1);
  CHECK(Clock::now() - began < 20s);  // and with a minute's delay as well, below
  CHECK(replayed(recording, {"-d", "60"}).size() == 1);
  CHECK(replayed(recording, {"-d", "0.05", "-n", "3"}).size() == 3);
  CHECK(std::abs(all[0]["interval_s"].get<double>() - 0.05) < 0.001);

  const Outcome text = run(top({"--replay", recording.path(), "-b", "-n", "1"}));
  CHECK(text.status == 0);
  CHECK(text.out.find("source recording") != std::string::npos);
  const Outcome csv = run(top({"--replay", recording.path(), "--csv", "-n", "1"}));
  CHECK(csv.status == 0);
  CHECK(lines_of(csv.out).size() >= 2);
}

TEST_CASE("a replay can't be combined with options for the live machine") {
  for (const std::vector<std::string>& more : {std::vector<std::string>{"-p", "1"},
                                               {"--source", "proc"},
                                               {"--probes", "sched"},
                                               {"--cgroup", "/"}}) {
    std::vector<std::string> arguments = {"-b", "--replay", "none.pftrace"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = run(top(arguments));
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("so it can't be combined with " + more[0] + ";") != std::string::npos);
  }
  CHECK(run(top({"-b", "--replay", "none.pftrace"})).status == 1);
}

TEST_CASE("keys move through a recording") {
  for (const auto& [width, height] : {std::pair(80, 24), {200, 60}}) {
    CAPTURE(width, height);
    Replayed top(width, height);
    CHECK(top.shows("End of the recording"));  // it plays, and stops there by itself
    CHECK(top.comes_to(top.whole_s));
    CHECK(top.shows("at the end"));
    top.type("5");
    CHECK(top.comes_to(top.whole_s / 2));
    CHECK(top.shows("paused"));
    top.type(".");
    CHECK(top.comes_to(top.whole_s / 2 + 0.1));
    const std::string there = top.settled_text();
    top.type(".");
    CHECK(top.comes_to(top.whole_s / 2 + 0.2));
    top.type(",");
    CHECK(top.comes_to(top.whole_s / 2 + 0.1));
    CHECK(top.settled_text() == there);  // to the last figure
    top.type("J");
    top.enter("0.25");
    CHECK(top.comes_to(0.25));
    top.type("J");
    top.enter("99");
    CHECK(top.shows("the time must be a number of seconds from 0 to"));
    top.type("0");
    CHECK(top.comes_to(0));
    top.type("]");
    CHECK(top.shows(" x2 "));
    top.type("a");
    CHECK(top.shows("a recording has no probes to switch on or off"));
    top.type("p");
    CHECK(top.comes_to(top.whole_s));
    top.type("h");
    CHECK(top.shows("jump to a tenth of the recording"));
    CHECK(top.text().find("switch to aggregate") == std::string::npos);
    top.press("Escape");
    top.type("q");
    CHECK(until([&] { return !top.on_alternate_screen(); }));
    top.enter("echo status=$?");
    CHECK(top.shows("status=0"));
  }
}

}  // namespace timeslice::live
