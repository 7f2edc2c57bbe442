// SPDX-License-Identifier: MIT
// Do others read and say the same? protoc decodes a recording with our schema, and perf, which
// records the same workload at the same time, comes to the same figures of each thread.
#include <cctype>
#include <regex>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

bool installed(const std::string& program) {
  return run({"/bin/sh", "-c", "command -v " + program}).status == 0;
}

struct PerfThread {
  double runtime_ms = 0, max_delay_ms = 0;
  uint64_t switches = 0;
};

// The lines of `perf sched latency -p`: "comm:tid | runtime ms | switches | avg: … | max: …".
std::optional<PerfThread> perf_thread(const std::string& table, pid_t tid) {
  const std::regex line(
      R"(:(\d+)\s*\|\s*([\d.]+) ms \|\s*(\d+) \| avg:\s*[\d.]+ ms \| max:\s*([\d.]+) ms)");
  for (std::sregex_iterator at(table.begin(), table.end(), line), end; at != end; ++at)
    if (std::stol((*at)[1]) == tid)
      return PerfThread{std::stod((*at)[2]), std::stod((*at)[4]), std::stoull((*at)[3])};
  return std::nullopt;
}

}  // namespace

TEST_CASE("protoc decodes a recording with the schema, and knows every field") {
  if (!installed("protoc")) SKIP_TEST("protoc isn't installed");
  const Cast cast = mixed_threads();
  Recording recording({});
  run_together(cast);
  REQUIRE(recording.finish().status == 0);
  const Outcome decoded = run(
      {"/bin/sh", "-c",
       "protoc --decode=perfetto.protos.Trace -I docs docs/timeslice.proto <" + recording.path()});
  INFO(decoded.err);
  REQUIRE(decoded.status == 0);
  CHECK(decoded.out.find("compact_sched {") != std::string::npos);
  CHECK(decoded.out.find("process_tree {") != std::string::npos);
  CHECK(decoded.out.find("closing {") != std::string::npos);
  // A field that the schema doesn't name is printed by its number.
  for (const std::string& line : lines_of(decoded.out)) {
    const size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && std::isdigit(static_cast<unsigned char>(line[first])))
      FAIL("not in the schema: " << line);
  }
}

TEST_CASE("perf sched, recording at the same time, has the same figures") {
  if (!installed("perf")) SKIP_TEST("perf isn't installed");
  const Cast cast = pinned_spinners();
  const ScratchDirectory directory;
  const std::string data = directory.path() + "/perf.data";
  Command perf({"perf", "sched", "record", "-m", "4096", "-o", data, "sleep", "600"});
  // Its events are on once its own command has begun.
  const std::string task =
      "/proc/" + std::to_string(perf.pid()) + "/task/" + std::to_string(perf.pid());
  REQUIRE(until([&] {
    const std::string child = read_file(task + "/children");
    return read_file("/proc/" + child.substr(0, child.find(' ')) + "/comm") == "sleep\n";
  }));
  Recording recording({});
  for (int i = 0; i < 5; ++i) run_together(cast);
  REQUIRE(recording.finish().status == 0);
  perf.signal(SIGINT);
  perf.finish();
  const Outcome latency = run({"perf", "sched", "latency", "-p", "-i", data});
  const Json report = recording.report();
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids()) {
      const Json thread = find_by(report["threads"], "tid", tid);
      const auto perfs = perf_thread(latency.out, tid);
      INFO(thread.dump() << latency.err);
      REQUIRE(perfs);
      // Ours are the kernel's to the unit (record_test.cc); perf counts about one less a round.
      CHECK(static_cast<double>(perfs->switches) ==
            Approx(thread["slices"].get<double>()).margin(12));
      CHECK(perfs->runtime_ms == Approx(thread["oncpu_ms"].get<double>()).epsilon(0.1).margin(5));
      // perf begins a wait anew where a migration cuts it, and the spinners begin with one: so its
      // longest may be shorter than the kernel's and ours, but never longer.
      CHECK(perfs->max_delay_ms > 0);
      CHECK(perfs->max_delay_ms <= thread["wait_max_us"].get<double>() / 1e3 * 1.05 + 0.1);
    }
}

}  // namespace timeslice::live
