// SPDX-License-Identifier: MIT
// Is a live Node told by what it is? A cluster of two workers, started like any other.
#include "live/descriptions.h"

#include <csignal>
#include <fstream>

#include "base/clock.h"
#include "observe/process_age.h"
#include "tests/catch.h"
#include "tests/live/processes.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

TEST_CASE("a cluster's processes have their script, their place, and the port they serve") {
  if (run({"node", "--version"}).status != 0) SKIP_TEST("no node in PATH");
  const ScratchDirectory directory;
  const std::string script = directory.path() + "/server.js";
  std::ofstream(script) << R"(
const cluster = require('cluster');
const net = require('net');
cluster.schedulingPolicy = cluster.SCHED_RR;
if (cluster.isPrimary) {
  cluster.fork().on('message', (port) => console.log(JSON.stringify([cluster.workers[1].process.pid, port])));
} else {
  const server = net.createServer().listen(0, '127.0.0.1', () => process.send(server.address().port));
}
)";
  Command cluster({"node", "--no-warnings", "-r", "path", script, "an argument"});
  const auto line = cluster.line();
  REQUIRE(line);
  const Json told = Json::parse(*line);
  const auto primary = static_cast<uint32_t>(cluster.pid()), worker = told[0].get<uint32_t>();
  Descriptions descriptions;
  std::vector<model::ProcessDescription> all;
  // Its names are looked up by a thread, which a busy machine may leave no time.
  REQUIRE(until([&] {
    all = descriptions.of({primary, worker});
    return !all[0].name.empty() && !all[1].name.empty();
  }));
  const std::vector<uint16_t> ports = {told[1].get<uint16_t>()};
  for (const model::ProcessDescription& process : all) {
    CHECK(process.name == "server.js");
    CHECK(process.ports == ports);
    CHECK(process.uptime_ns);
  }
  CHECK(all[0].tgid == primary);
  CHECK(all[0].cluster == model::ClusterRole::primary);
  CHECK(all[1].tgid == worker);
  CHECK(all[1].cluster == model::ClusterRole::worker);
}

TEST_CASE("a process is as old as it is, and one that is gone has no age") {
  constexpr uint64_t kStep_ns = 10'000'000;
  const uint64_t before_ns = clock_ns(CLOCK_BOOTTIME);
  Child child([] { pause(); });
  const uint64_t started_ns = clock_ns(CLOCK_BOOTTIME);
  const auto tgid = static_cast<uint32_t>(child.pid());
  std::optional<observe::ProcessAge> age;
  REQUIRE(until([&] {
    age = observe::process_age(tgid);
    return !age || age->up_ns > 5 * kStep_ns;
  }));
  REQUIRE(age);
  const uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  CHECK(age->up_ns <= now_ns - before_ns + kStep_ns);
  CHECK(observe::process_age(tgid)->up_ns + kStep_ns >= now_ns - started_ns);
  CHECK(age->parent == static_cast<uint32_t>(getpid()));
  child.signal(SIGKILL);
  REQUIRE(child.wait());
  CHECK(!observe::process_age(tgid));
}

}  // namespace timeslice::live
