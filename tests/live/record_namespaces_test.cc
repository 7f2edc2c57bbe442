// SPDX-License-Identifier: MIT
// Is a recording that is made inside of namespaces as right as one from outside? Threads and
// processes that nobody waits for lose their number before they leave their core for the last time:
// their ends must be told all the same.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

using namespace std::chrono_literals;

constexpr int kThreads = 60, kProcesses = 20;

// Runs `body` as the first process of a PID namespace, with its own /proc. Returns its status.
std::optional<int> in_pid_namespace(const std::function<void()>& body) {
  Child outer([&] {
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) throw std::runtime_error("cannot unshare");
    Child first([&] {
      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
      if (mount("proc", "/proc", "proc", 0, nullptr) != 0) throw std::runtime_error("no /proc");
      body();
    });
    if (first.wait() != 0) throw std::runtime_error("the first process failed");
  });
  return outer.wait();
}

// Neither are waited for: the kernel forgets them as soon as they end.
void live_and_end() {
  for (int i = 0; i < kThreads; ++i) std::thread([] { spin(100us); }).join();
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < kProcesses; ++i)
    if (fork() == 0) {
      spin(100us);
      _exit(0);
    }
  while (::wait(nullptr) > 0) {
  }
}

Json recorded_inside(bool filtered) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r.pftrace";
  const auto status = in_pid_namespace([&] {
    Workload workload({live_and_end});
    std::vector<std::string> arguments;
    if (filtered) arguments = {"-p", std::to_string(workload.pid())};
    Recording recording(arguments, path);
    workload.run();
    if (recording.finish().status != 0) throw std::runtime_error("the recorder failed");
  });
  REQUIRE(status == 0);
  return Json::parse(run({timeslice(), "report", path, "--json"}).out);
}

void check_ends(bool filtered) {
  const Json report = recorded_inside(filtered);
  CHECK(report["trust"]["lost_records"] == 0);
  int ended = 0;
  for (const Json& thread : report["threads"]) {
    if (thread["born"] != true) continue;
    INFO(thread.dump());
    CHECK(thread["ended"] == true);
    REQUIRE(thread["kernel"].is_object());
    CHECK(thread["nvcsw"] == thread["kernel"]["nvcsw"]);
    CHECK(thread["nivcsw"] == thread["kernel"]["nivcsw"]);
    ++ended;
  }
  CHECK(ended == kThreads + kProcesses);
}

// A child of the recorded process, and after it a stranger with the same number.
Json recorded_with_a_stranger() {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r.pftrace";
  const auto status = in_pid_namespace([&] {
    const auto live = [] { spin(300us); };
    Workload workload({[&] { Child(live, 777).wait(); }});
    Recording recording({"-p", std::to_string(workload.pid())}, path);
    workload.run();
    Child(live, 777).wait();
    if (recording.finish().status != 0) throw std::runtime_error("the recorder failed");
  });
  REQUIRE(status == 0);
  return Json::parse(run({timeslice(), "report", path, "--json"}).out);
}

// In a time namespace whose CLOCK_MONOTONIC is `seconds` ahead, or behind. Null: none can be made.
Json recorded_in_another_time(int seconds) {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/r.pftrace";
  Workload workload({[] { nap(20); }});
  Child outer([&] {
    if (unshare(CLONE_NEWTIME) != 0) _exit(77);
    std::ofstream offsets("/proc/self/timens_offsets");
    offsets << "monotonic " << seconds << " 0" << std::endl;
    if (!offsets) _exit(77);  // it would be before the machine's start
    Child inner([&] {
      Recording recording({"-p", std::to_string(workload.pid())}, path);
      workload.run();
      if (recording.finish().status != 0) throw std::runtime_error("the recorder failed");
    });
    if (inner.wait() != 0) throw std::runtime_error("the child failed");
  });
  const auto status = outer.wait();
  if (status == 77) return nullptr;
  REQUIRE(status == 0);
  const Json report = Json::parse(run({timeslice(), "report", path, "--json"}).out);
  return {{"duration_s", report["duration_s"]},
          {"thread", find_by(report["threads"], "tid", workload.pid())}};
}

void check_another_time(int seconds) {
  const Json recorded = recorded_in_another_time(seconds);
  INFO(recorded.dump());
  if (recorded.is_null()) SKIP_TEST("no time namespace can be made here");
  CHECK(recorded["duration_s"] < 60);
  const Json& thread = recorded["thread"];
  REQUIRE(thread.is_object());
  CHECK(thread["nvcsw"] >= 20);
  CHECK(thread["nvcsw"] == thread["kernel"]["nvcsw"]);
  CHECK(thread["slices"] > 0);
}

}  // namespace

TEST_CASE("in a PID namespace, a filter drops processes that have ended") {
  const Json report = recorded_with_a_stranger();
  int lives = 0;
  for (const Json& thread : report["threads"]) lives += thread["tid"] == 777;
  CHECK(lives == 1);
}

TEST_CASE("in a time namespace that is ahead, a recording's times are the records'") {
  check_another_time(1'000'000);
}
TEST_CASE("in a time namespace that is behind, a recording's times are the records'") {
  check_another_time(-10);
}
TEST_CASE("in a PID namespace, a thread that isn't waited for is recorded to the end") {
  check_ends(false);
}
TEST_CASE(
    "in a PID namespace, a thread that isn't waited for is recorded to the end, with a filter") {
  check_ends(true);
}

}  // namespace timeslice::live
