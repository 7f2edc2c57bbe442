// SPDX-License-Identifier: MIT
// What becomes of a thread that isn't its process's leader and calls exec? The leader and all
// others end, and it goes on under the leader's number: one life, told whole, and no switch made
// up.
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/recorded.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

// The leader has switched far more often than the thread that execs, once `gate` opens.
void live_until_exec(const Pipe& ready, const Pipe& gate) {
  nap(50);
  std::thread([&] {
    char byte = 0;
    if (::write(ready.in.get(), &byte, 1) != 1 || ::read(gate.out.get(), &byte, 1) != 1) _exit(98);
    nap(3);
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(97);
  }).join();
}

bool sleeps_on(pid_t pid) {
  const std::string of = "/proc/" + std::to_string(pid);
  return read_file(of + "/comm") == "sleep\n" &&
         read_file(of + "/syscall").rfind(std::to_string(SYS_clock_nanosleep) + " ", 0) == 0;
}

void check_exec(bool filtered) {
  const Pipe ready, gate;
  const Child child([&] { live_until_exec(ready, gate); });
  char byte = 0;
  REQUIRE(read_fully(ready.out.get(), &byte, 1));
  const std::string pid = std::to_string(child.pid());
  Recording recording(filtered ? std::vector<std::string>{"-p", pid} : std::vector<std::string>{});
  REQUIRE(::write(gate.in.get(), "", 1) == 1);
  REQUIRE(until([&] { return sleeps_on(child.pid()); }));
  REQUIRE(recording.finish().status == 0);
  const Json report = recording.report();
  std::vector<Json> lives;
  for (const Json& thread : report["threads"])
    if (thread["tgid"] == child.pid()) lives.push_back(thread);
  REQUIRE(lives.size() == 2);
  for (const Json& thread : lives) {
    INFO(thread.dump());
    CHECK(thread["tid"] == child.pid());
    REQUIRE(thread["kernel"].is_object());
    CHECK(thread["nvcsw"] == thread["kernel"]["nvcsw"]);
    CHECK(thread["nivcsw"] == thread["kernel"]["nivcsw"]);
    CHECK(thread["ended"] == (thread["comm"] != "sleep"));
    CHECK(thread["nvcsw"] < 50);
  }
  CHECK((lives[0]["comm"] == "sleep") != (lives[1]["comm"] == "sleep"));
  // Each that is missing is one that the kernel counted: some machines hide a few.
  CHECK(report["trust"]["missing_switches"] <= report["trust"]["missing_slices"]);
  const std::vector<Json> frames =
      objects_in(run(top({"--replay", recording.path(), "--json", "-d", "60"})).out);
  REQUIRE_FALSE(frames.empty());
  int rows = 0;
  for (const Json& thread : frames.back()["threads"])
    rows += thread["tid"] == child.pid() && thread["ended"] == false && thread["state"] != "X";
  CHECK(rows == 1);
}

}  // namespace

TEST_CASE("a thread that calls exec stays one thread, under the leader's id") { check_exec(false); }
TEST_CASE("a thread that calls exec stays one thread, in a recording of its process") {
  check_exec(true);
}

}  // namespace timeslice::live
