// SPDX-License-Identifier: MIT
// Does a recording have the event loops of the Node processes in it? A block stands where the
// script itself says that it blocked, with the function's name and line. And whatever a process
// is, it is recorded all the same.
#include <algorithm>
#include <csignal>
#include <fstream>

#include "base/clock.h"
#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

std::string why_no_node() {
  return run({"node", "--version"}).status == 0 ? "" : "no node in PATH";
}

// Blocks as often as it gets a line, for so many ms as that says, else for 200; or, with a file's
// name, every 300 ms until that file is there; says from when to when, as CLOCK_MONOTONIC has it.
constexpr int kLine = 6;  // of the loop in it
const char* const kScript = R"(
const fs = require('fs');
const now = () => Number(process.hrtime.bigint());
function countForNothing(ms) {
  const end = Date.now() + ms;
  while (Date.now() < end);
}
function block(ms) {
  const start = now();
  countForNothing(+ms || 200);
  fs.writeSync(1, JSON.stringify({ start, end: now() }) + '\n');
}
const file = process.argv[2];
if (!file) process.stdin.on('data', block);
if (file) setInterval(() => fs.existsSync(file) ? process.exit(7) : block(200), 300);
fs.writeSync(1, '{}\n');
)";

class Script {
 public:
  Script() { std::ofstream(path()) << kScript; }
  [[nodiscard]] std::string path() const { return directory_.path() + "/server.js"; }
  [[nodiscard]] std::string end() const { return directory_.path() + "/end"; }
  void tell_end() const { std::ofstream(end()) << "now"; }

 private:
  ScratchDirectory directory_;
};

struct Moments {
  uint64_t asked_ns = 0;  // before it began; 0: not known
  uint64_t start_ns = 0, end_ns = 0;
};

Moments moments_of(const std::string& line, uint64_t asked_ns = 0) {
  const Json json = Json::parse(line);
  return {asked_ns, json.at("start").get<uint64_t>(), json.at("end").get<uint64_t>()};
}

struct Node {
  explicit Node(const Script& script)
      : command({"node", script.path()}, [] { unsetenv("NODE_OPTIONS"); }) {
    REQUIRE(command.line() == "{}");
  }
  [[nodiscard]] std::string pid() const { return std::to_string(command.pid()); }
  Moments block() {
    const uint64_t asked_ns = monotonic_ns();
    command.send("\n");
    const auto answer = command.line();
    REQUIRE(answer);
    return moments_of(*answer, asked_ns);
  }

  Command command;
};

// Its loops, while it is perhaps still being recorded.
Json loops_in(const std::string& path) {
  const Outcome outcome = run({timeslice(), "report", path, "--by", "loop", "--json"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return Json::parse(outcome.out)["loops"];
}

struct Stretch {
  explicit Stretch(const Json& block)
      : start_ns(block["start_ns"].get<uint64_t>()),
        end_ns(start_ns + static_cast<uint64_t>(block["duration_ms"].get<double>() * 1e6)) {}
  uint64_t start_ns, end_ns;
};

// The block that has most of those moments; null: none has any.
Json block_at(const Json& loops, const Moments& truth) {
  Json found;
  uint64_t most_ns = 0;
  for (const Json& loop : loops)
    for (const Json& block : loop["blocks"]) {
      const Stretch at(block);
      const uint64_t from = std::max(at.start_ns, truth.start_ns);
      const uint64_t to = std::min(at.end_ns, truth.end_ns);
      if (to <= from + most_ns) continue;
      most_ns = to - from;
      found = block;
    }
  return found;
}

// Its turn begins before the script can say so, but not before it was asked. What is between turns
// is known exactly where the loop slept, and where a busy machine has kept it from sleeping, within
// the time between two looks.
void check_block(const Json& block, const Moments& truth, const Script& script, const Json& loop) {
  CAPTURE(block.dump(), truth.asked_ns, truth.start_ns, truth.end_ns);
  REQUIRE(block.is_object());
  const auto gap = static_cast<uint64_t>(loop["longest_gap_ms"].get<double>() * 1e6) + 1'000'000;
  const Stretch at(block);
  CHECK(at.start_ns <= truth.start_ns);
  CHECK(at.start_ns + gap >= truth.asked_ns);
  CHECK(at.end_ns + gap >= truth.end_ns);
  CHECK(block["function"] == "countForNothing");
  CHECK(block["file"] == script.path());
  CHECK(block["line"] == kLine);
  CHECK(block["ended"] == true);
}

// Until the recorder can answer them.
void hold_demands() {
  sigset_t demand;
  sigemptyset(&demand);
  sigaddset(&demand, SIGUSR1);
  sigprocmask(SIG_BLOCK, &demand, nullptr);
}

}  // namespace

TEST_CASE("a block of a recorded Node stands where it was, with its function and line") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const Script script;
  Node node(script);
  Recording recording({"--loop", "-p", node.pid()});
  REQUIRE(until([&] { return !loops_in(recording.path()).empty(); }));
  const Moments first = node.block(), second = node.block();
  REQUIRE(until([&] { return !block_at(loops_in(recording.path()), second).is_null(); }));
  const Outcome outcome = recording.finish();
  INFO(outcome.err);
  CHECK(outcome.status == 0);

  const Json loops = loops_in(recording.path());
  REQUIRE(loops.size() == 1);
  const Json& loop = loops[0];
  CHECK(loop["tgid"] == node.command.pid());
  CHECK(loop["kind"] == "main");
  CHECK(loop["name"] == "server.js");
  check_block(block_at(loops, first), first, script, loop);
  check_block(block_at(loops, second), second, script, loop);
  // What the recorder has seen of the loop is no more than what its thread did.
  const double active = loop["active_ms"]["oncpu"].get<double>() +
                        loop["active_ms"]["wait"].get<double>() +
                        loop["active_ms"]["asleep"].get<double>();
  const double idle =
      loop["idle_ms"]["asleep"].get<double>() + loop["idle_ms"]["ready_waiting"].get<double>();
  CHECK(active >= 400);
  CHECK(active + idle == Approx(loop["interval_ms"].get<double>()).margin(0.1));
  CHECK(loop["utilisation"].get<double>() ==
        Approx(active / loop["interval_ms"].get<double>()).margin(0.001));

  const Outcome lanes = run({timeslice(), "lanes", recording.path(), "--width", "80", "--ascii"});
  CHECK(lanes.status == 0);
  CHECK(lanes.out.find("\nloop server.js/" + node.pid()) != std::string::npos);
  CHECK(lanes.out.find("countForNothing (server.js:6)") != std::string::npos);
}

TEST_CASE("a block that goes on when a recording ends is in it, as one that does") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const Script script;
  Node node(script);
  Recording recording({"--loop", "-p", node.pid()});
  REQUIRE(until([&] { return !loops_in(recording.path()).empty(); }));
  node.command.send("1000000\n");
  REQUIRE(
      until([&] { return loops_in(recording.path())[0]["longest_turn_ms"].get<double>() > 300; }));
  const Outcome outcome = recording.finish();
  CHECK(outcome.status == 0);
  const Json loops = loops_in(recording.path());
  REQUIRE(loops[0]["blocks"].size() == 1);
  const Json& block = loops[0]["blocks"][0];
  CHECK(block["ended"] == false);
  CHECK(block["duration_ms"].get<double>() > 300);
  CHECK(block["function"] == "countForNothing");
}

TEST_CASE("a command's loops are recorded once it runs Node, and its exit status comes through") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const Script script;
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r";
  Command recorder({timeslice(), "record", "--loop", "-o", path, "--", "/bin/sh", "-c",
                    "node " + script.path() + " " + script.end() + "; exit $?"},
                   [] { unsetenv("NODE_OPTIONS"); });
  REQUIRE(recorder.line() == "{}");
  Moments last;
  REQUIRE(until([&] {
    const auto line = recorder.line();
    REQUIRE(line);
    last = moments_of(*line);
    return !loops_in(path).empty() && !block_at(loops_in(path), last).is_null();
  }));
  script.tell_end();
  const Outcome outcome = recorder.finish();
  INFO(outcome.err);
  CHECK(outcome.status == 7);
  const Json loops = loops_in(path);
  REQUIRE(loops.size() == 1);
  check_block(block_at(loops, last), last, script, loops[0]);
}

TEST_CASE("a recorded cluster's primary has its place, port and age") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory directory;
  const std::string script = directory.path() + "/server.js";
  std::ofstream(script) << R"(
const cluster = require('cluster');
if (cluster.isPrimary) {
  process.stdin.resume().on('end', () => process.exit());
  cluster.fork().on('message', (port) => console.log(port));
} else {
  const server = require('net').createServer();
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}
)";
  Command cluster({"node", script}, [] { unsetenv("NODE_OPTIONS"); });
  const auto port = cluster.line();
  REQUIRE(port);
  const Recording recording({"--loop", "-p", std::to_string(cluster.pid())});
  const auto has = [&](const Json& loop, const char* place) {
    return loop["cluster"] == place && loop["ports"] == Json{std::stoi(*port)} &&
           loop["name"] == "server.js" && loop["uptime_s"].is_number_unsigned();
  };
  REQUIRE(until([&] {
    const Json loops = loops_in(recording.path());
    return std::any_of(loops.begin(), loops.end(),
                       [&](const Json& loop) { return has(loop, "primary"); });
  }));
}

TEST_CASE("a flight recorder keeps the loops of what it keeps") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const Script script;
  Node node(script);
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r";
  Command recorder({timeslice(), "record", "--loop", "--ring", "20", "-o", path, "-p", node.pid()},
                   hold_demands);
  Moments last;
  size_t written = 0;
  REQUIRE(until([&] {
    last = node.block();
    const std::string file = path + (written ? "." + std::to_string(written + 1) : "");
    ++written;
    recorder.signal(SIGUSR1);
    REQUIRE(until([&] { return !read_file(file).empty(); }));
    return !block_at(loops_in(file), last).is_null();
  }));
  const Moments end = node.block();
  recorder.signal(SIGINT);
  const Outcome outcome = recorder.finish();
  INFO(outcome.err);
  CHECK(outcome.status == 0);
  const Json loops = loops_in(path + "." + std::to_string(written + 1));
  REQUIRE(loops.size() == 1);
  check_block(block_at(loops, last), last, script, loops[0]);
  CHECK_FALSE(block_at(loops, end).is_null());
}

TEST_CASE("a process without a loop is recorded, and a sentence says that it has none") {
  const Command sleeper({"sleep", "1000"});
  const std::string pid = std::to_string(sleeper.pid());
  Recording recording({"--loop", "-p", pid});
  REQUIRE(until([&] {
    return run({timeslice(), "report", recording.path(), "--by", "loop"})
               .out.find("process " + pid + ": ") != std::string::npos;
  }));
  const Outcome outcome = recording.finish();
  CHECK(outcome.status == 0);
  CHECK(outcome.err.find("cannot watch the event loops of process " + pid) != std::string::npos);
  CHECK(outcome.err.find("no event loop was found in the recorded processes") != std::string::npos);
  CHECK(recording.report()["threads"].is_array());
}

TEST_CASE("a recording without event loops says how to get one that has them") {
  Recording recording({"--seconds", "0.1"});
  CHECK(recording.wait().status == 0);
  const Outcome outcome = run({timeslice(), "report", recording.path(), "--by", "loop", "--json"});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("timeslice record --loop") != std::string::npos);
  CHECK(run({timeslice(), "record", "--block-ms", "50", "--seconds", "0.1"}).status == 2);
}

}  // namespace timeslice::live
