// SPDX-License-Identifier: MIT
// Whom does -p choose? All that are there of those named, however many; and a process that nobody
// reaps has ended all the same.
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

#include "tests/catch.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

bool is_zombie(pid_t pid) {
  return read_file("/proc/" + std::to_string(pid) + "/stat").find(") Z ") != std::string::npos;
}

std::vector<std::string> once(const std::string& pids) {
  return top({"--json", "-n", "1", "-d", "0.05", "-p", pids});
}

}  // namespace

TEST_CASE("a named process that has gone is reported, and the others are shown") {
  Workload here({[] {}});
  pid_t gone = 0;
  {
    const Workload other({[] {}});
    gone = other.pid();
  }
  for (const std::string& pids : {std::to_string(gone) + "," + std::to_string(here.pid()),
                                  std::to_string(here.pid()) + "," + std::to_string(gone)}) {
    CAPTURE(pids);
    const std::string sentence = "there is no process " + std::to_string(gone) + ";";
    const Outcome shown = run(once(pids));
    CHECK(shown.status == 0);
    CHECK(shown.err.find(sentence) != std::string::npos);
    REQUIRE(objects_in(shown.out).size() == 1);
    CHECK(objects_in(shown.out)[0]["processes"].size() == 1);
    const Outcome recorded =
        run({timeslice(), "record", "-q", "-o", "/dev/null", "--seconds", "0.1", "-p", pids});
    CHECK(recorded.status == 0);
    CHECK(recorded.err.find(sentence) != std::string::npos);
  }
  CHECK(run(once(std::to_string(gone) + "," + std::to_string(gone))).status == 1);
}

TEST_CASE("more than a thousand processes can be named") {
  std::vector<std::unique_ptr<Child>> children;
  std::string pids;
  for (int i = 0; i < 1100; ++i) {
    children.push_back(std::make_unique<Child>([] { pause(); }));
    pids += (i ? "," : "") + std::to_string(children.back()->pid());
  }
  for (const std::string probes : {"none", "sched"}) {
    CAPTURE(probes);
    std::vector<std::string> arguments = once(pids);
    arguments.insert(arguments.end(), {"--probes", probes});
    const Outcome outcome = run(arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 0);
    REQUIRE(objects_in(outcome.out).size() == 1);
    const Json frame = objects_in(outcome.out)[0];
    CHECK(frame["rung"] == (probes == "sched" ? "aggregate" : "count"));
    std::set<pid_t> seen;
    for (const Json& process : frame["processes"]) seen.insert(process["tgid"].get<pid_t>());
    CHECK(seen.size() == children.size());
  }
}

TEST_CASE("a recording of a process ends with it, even if it isn't reaped") {
  const Child child([] { pause(); });
  const std::string id = std::to_string(child.pid());
  Recording recording({"-p", id});
  Command shown(top({"--json", "-d", "0.05", "-p", id}));
  REQUIRE(shown.line());
  child.signal(SIGKILL);
  const Outcome recorded = recording.wait();
  CHECK(recorded.status == 0);
  CHECK(recorded.err.find("; stopped: the processes ended") != std::string::npos);
  const Outcome ended = shown.finish();
  CHECK(ended.status == 0);
  CHECK(ended.err.find("the watched processes have ended") != std::string::npos);
  CHECK(is_zombie(child.pid()));  // else this proved nothing
}

TEST_CASE("a process whose first thread has ended still exists") {
  const Child child([] {
    std::thread([] { pause(); }).detach();
    syscall(SYS_exit, 0);
  });
  REQUIRE(until([&] { return is_zombie(child.pid()); }));
  Command shown(top({"--json", "-d", "0.05", "-p", std::to_string(child.pid())}));
  for (int i = 0; i < 3; ++i) CHECK(shown.line());
  shown.signal(SIGTERM);
  const Outcome outcome = shown.finish();
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
}

}  // namespace timeslice::live
