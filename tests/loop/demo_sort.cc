// SPDX-License-Identifier: MIT
// Does /sort leave the loop free, queue what its workers can't take, and survive their deaths?
#include <stdexcept>

#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

constexpr std::size_t kHeld = 77, kFatal = 13;

// Sorts of kHeld numbers wait until they're released, by one byte each.
struct Gate {
  void let_go(int count) const {
    for (int i = 0; i < count; ++i) REQUIRE(::write(pipe.in.get(), "x", 1) == 1);
  }
  void attach(DemoOptions& options) const {
    options.before_sort = [fd = pipe.out.get()](std::size_t count) {
      char byte;
      if (count == kFatal) throw std::runtime_error("a worker's death");
      if (count == kHeld && ::read(fd, &byte, 1) != 1) throw std::runtime_error("no gate");
    };
  }
  Pipe pipe;
};

json sort(const DemoProcess& demo, const std::string& query) {
  return json::parse(body_of(fetch(demo, "/sort?" + query)));
}

json jobs(const DemoProcess& demo) { return stats_of(demo)["worker_jobs"]; }

std::string thread_name(pid_t pid, pid_t tid) {
  std::ifstream comm("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/comm");
  std::string name;
  std::getline(comm, name);
  return name;
}

}  // namespace

TEST_CASE("demo sort: a worker's result is the same as the loop's, from another thread") {
  DemoProcess demo(on_each_backend());
  const json there = sort(demo, "n=50000");
  const json here = sort(demo, "n=50000&where=loop");
  CHECK(there["checksum"] == here["checksum"]);
  CHECK(there["checksum"] != sort(demo, "n=50001")["checksum"]);
  CHECK(there["n"] == 50000);
  CHECK(there["where"] == "worker");
  CHECK(here["thread"] == demo.pid());
  CHECK_THAT(thread_name(demo.pid(), there["thread"]), StartsWith("loop-worker-"));
  CHECK(sort(demo, "n=0")["n"] == 0);
  for (const char* bad : {"/sort?n=-1", "/sort?n=99999999", "/sort?n=x", "/sort?n=1&where=there"})
    CHECK_THAT(fetch(demo, bad), StartsWith("HTTP/1.1 400 "));
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo sort: while the workers are busy, the loop answers and further sorts are queued") {
  const Gate gate;
  DemoOptions options = on_each_backend();
  options.limits.sorts_waiting = 1;
  gate.attach(options);
  DemoProcess demo(options);
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::make_unique<Client>(demo));
    waiting.back()->send(get("/sort?n=77", true));
    REQUIRE(await([&] { return stats_of(demo)["requests"]["/sort"] == i + 1; }));
  }
  CHECK(jobs(demo)["running"] == 2);
  CHECK(jobs(demo)["queued"] == 1);
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(fetch(demo, "/sort?n=77"), StartsWith("HTTP/1.1 503 "));
  gate.let_go(3);
  for (auto& client : waiting)
    CHECK_THAT(client->read_to_end(), StartsWith("HTTP/1.1 200 ") && Contains("\"n\": 77"));
  CHECK(jobs(demo)["done"] == 3);
  CHECK(jobs(demo)["queued"] == 0);
}

TEST_CASE("demo sort: if a worker dies, its own job gets 503, and no other") {
  const Gate gate;
  DemoOptions options = on_each_backend();
  options.sort_workers = 1;
  gate.attach(options);
  DemoProcess demo(options);
  for (int i = 1; i <= 3; ++i) {
    CHECK_THAT(fetch(demo, "/sort?n=13"), StartsWith("HTTP/1.1 503 "));
    CHECK_THAT(fetch(demo, "/sort?n=10"), StartsWith("HTTP/1.1 200 "));
    CHECK(jobs(demo)["failed"] == i);
    CHECK(jobs(demo)["done"] == i);
  }
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo sort: the jobs of a client that has left are dropped") {
  const Gate gate;
  DemoOptions options = on_each_backend();
  options.sort_workers = 1;
  gate.attach(options);
  DemoProcess demo(options);
  std::vector<std::unique_ptr<Client>> gone;
  for (int i = 0; i < 2; ++i) {  // one that is being done, and one that waits
    gone.push_back(std::make_unique<Client>(demo));
    gone.back()->send(get("/sort?n=77"));
    REQUIRE(await([&] { return stats_of(demo)["requests"]["/sort"] == i + 1; }));
  }
  for (auto& client : gone) client->reset();
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
  CHECK(jobs(demo)["queued"] == 0);
  gate.let_go(1);
  CHECK_THAT(fetch(demo, "/sort?n=10"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("demo sort: SIGTERM waits for a sort, even a half-closed client's") {
  const Gate gate;
  DemoOptions options = on_each_backend();
  options.limits.grace = 30s;
  gate.attach(options);
  DemoProcess demo(options);
  Client client(demo);
  client.send(get("/sort?n=77"));
  REQUIRE(await([&] { return stats_of(demo)["requests"]["/sort"] == 1; }));
  client.no_more();
  ::kill(demo.pid(), SIGTERM);
  REQUIRE(await([&] { return loop::connect_to_loopback(demo.port()) == -ECONNREFUSED; }));
  gate.let_go(1);
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 ") && Contains("Connection: close"));
  CHECK(demo.wait() == 0);
}

}  // namespace timeslice::demo::test
