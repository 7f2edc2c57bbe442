// SPDX-License-Identifier: MIT
// How does the demo stop if a client doesn't read its answer, and at a second signal?
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

bool refuses(const DemoProcess& demo) {
  const UniqueFd connected(loop::connect_to_loopback(demo.port()));
  return connected.get() == -ECONNREFUSED;
}

// A client that doesn't read the large file that it has asked for.
struct Stalled {
  explicit Stalled(const DemoProcess& demo) : client(demo) {
    client.send(get("/file"));
    REQUIRE(client.readable(30'000));
  }
  Client client;
};

DemoOptions with_large_file(std::chrono::nanoseconds grace) {
  DemoOptions options = on_each_backend();
  options.file_bytes = std::size_t{64} << 20;
  options.limits.grace = grace;
  return options;
}

}  // namespace

TEST_CASE("demo stop: after the grace period it waits for no client") {
  DemoProcess demo(with_large_file(200ms));
  const Stalled stalled(demo);
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo stop: a second signal ends it right away") {
  DemoProcess demo(with_large_file(1h));
  const Stalled stalled(demo);
  ::kill(demo.pid(), SIGTERM);
  REQUIRE(await([&] { return refuses(demo); }));
  CHECK(runs(demo.pid()));
  ::kill(demo.pid(), GENERATE(SIGTERM, SIGINT));
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo stop: a large file in progress is sent to its end") {
  const DemoOptions options = with_large_file(1h);
  DemoProcess demo(options);
  Stalled stalled(demo);
  ::kill(demo.pid(), SIGTERM);
  REQUIRE(await([&] { return refuses(demo); }));
  CHECK(body_of(stalled.client.read_to_end()).size() == options.file_bytes);
  stalled.client.reset();
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo stop: a request already on its way is answered, as the last one") {
  DemoOptions options = on_each_backend();
  options.limits.farewell_time = 30s;
  options.limits.grace = 60s;
  DemoProcess demo(options);
  Client client(demo);
  client.send(get("/"));
  client.read_until("loop.\n");
  ::kill(demo.pid(), SIGTERM);
  REQUIRE(await([&] { return refuses(demo); }));
  client.send(get("/"));
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 ") && Contains("Connection: close"));
  client.reset();
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo stop: requests in progress are finished, even one that arrives in pieces") {
  DemoOptions options = on_each_backend();
  options.limits.grace = options.limits.header_time = 1h;
  DemoProcess demo(options);
  Client client(demo);
  client.send("GET / HT");
  REQUIRE(await([&] { return stats_of(demo)["connections"] == 2; }));
  ::kill(demo.pid(), SIGTERM);
  REQUIRE(await([&] { return refuses(demo); }));
  client.send("TP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 ") && Contains("Connection: close"));
  client.reset();
  CHECK(demo.wait() == 0);
}

// They wait in the kernel's queue, because only one is accepted at a time, or the manager has
// them.
void check_that_all_are_answered(DemoOptions options) {
  options.limits.connections = 1;
  options.limits.farewell_time = 30s;
  options.limits.grace = 60s;
  DemoProcess demo(options);
  Client inside(demo);
  inside.send(get("/"));
  inside.read_until("loop.\n");
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(demo));
    clients.back()->send(get("/", true));
  }
  ::kill(demo.pid(), SIGTERM);
  for (const auto& client : clients) CHECK_THAT(client->read_to_end(), StartsWith("HTTP/1.1 200 "));
  inside.reset();
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo stop: clients that connected before are answered") {
  check_that_all_are_answered(on_every_backend());
}

TEST_CASE("demo stop: clients that connected to a cluster before are answered") {
  DemoOptions options = on_each_backend();
  options.cluster = 2;
  options.policy = GENERATE(Policy::round_robin, Policy::reuse_port);
  check_that_all_are_answered(options);
}

}  // namespace timeslice::demo::test
