// SPDX-License-Identifier: MIT
// Can clients pile up work in the demo, and does it go on when they have left? There are limits,
// and a client that has closed its connection, or seems to have, waits for nothing more.
#include <sstream>

#include "demo/turns.h"
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::StartsWith;

const std::string kLongHash = get("/hash?iterations=1000000");

// Half a second of a thread's time or more for each.
std::vector<std::unique_ptr<Client>> hash_askers(const DemoProcess& demo, int count) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Client>(demo));
    clients.back()->send(kLongHash);
  }
  return clients;
}

// With threads of its own, so that something can wait.
DemoOptions with_threads() {
  return {.backend = GENERATE(BackendKind::uring, BackendKind::pool), .pool_size = 2};
}

double cpu_seconds(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(") ") + 2));
  for (int i = 0; i < 11; ++i) fields >> text;
  double user = 0;
  fields >> user;
  return user / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

bool nothing_to_do(const DemoProcess& demo) {
  return await([&] { return stats_of(demo)["connections"] == 1; });
}

}  // namespace

TEST_CASE("demo turns: hash requests over the limit are refused, not queued") {
  DemoOptions options = with_threads();
  options.limits.hashes_waiting = 3;
  DemoProcess demo(options);
  int refused = 0;
  // None is, if the first ones are done before the last ones are requested.
  for (int round = 0; round < 20 && refused == 0; ++round) {
    auto clients = hash_askers(demo, 8);
    int served = 0;
    for (const auto& client : clients) {
      const std::string text = client->read_until("\r\n\r\n");
      served += text.starts_with("HTTP/1.1 200 ");
      refused += text.starts_with("HTTP/1.1 503 ");
    }
    CHECK(served + refused == 8);
    CHECK(served >= 5);
  }
  CHECK(refused >= 1);
}

TEST_CASE("demo turns: hashes of clients that have left aren't computed") {
  DemoOptions options = with_threads();
  options.limits.hashes_waiting = 1000;
  DemoProcess demo(options);
  auto clients = hash_askers(demo, 200);  // 100 s of two threads' time
  REQUIRE(await([&] { return stats_of(demo)["requests"]["/hash"] == 200; }));
  SECTION("closed") { clients.clear(); }
  SECTION("reset") {
    for (auto& client : clients) client->reset();
  }
  CHECK(nothing_to_do(demo));
  CHECK(cpu_seconds(demo.pid()) < 30);
  CHECK_THAT(fetch(demo, "/hash?iterations=1"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("demo turns: a half-closed client that is still waiting gets 503") {
  DemoProcess demo(with_threads());
  auto clients = hash_askers(demo, 2);
  REQUIRE(await([&] { return stats_of(demo)["requests"]["/hash"] == 2; }));
  Client before(demo);
  before.send(kLongHash);
  before.no_more();
  const std::string answer = before.read_to_end();  // 200 only if one was done already
  CHECK((answer.starts_with("HTTP/1.1 503 ") || answer.starts_with("HTTP/1.1 200 ")));
  for (const auto& client : clients)
    CHECK_THAT(client->read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("demo turns: a static file doesn't wait for the queued hashes") {
  DemoOptions options = with_threads();
  options.limits.hashes_waiting = 1000;
  options.root = "/usr/include";
  DemoProcess demo(options);
  const auto clients = hash_askers(demo, 200);
  REQUIRE(await([&] { return stats_of(demo)["requests"]["/hash"] == 200; }));
  CHECK_THAT(fetch(demo, "/static/stdio.h"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE(
    "demo turns: a limited number runs, others wait in order, and those that leave are skipped") {
  Turns turns(1, 600);
  std::string told;
  std::list<Exchange> exchanges;
  const auto take = [&](char name, std::uint64_t cost, bool input_ended = false) -> Exchange& {
    Exchange& exchange = exchanges.emplace_back();
    exchange.input_ended = input_ended;
    exchange.respond = [&told, name](const Response& response) {
      told += name + std::to_string(response.status) + " ";
    };
    turns.take(exchange, cost, [&told, name] { told += std::string(1, name) + " "; });
    return exchange;
  };
  take('a', 2000);  // immediately, whatever it costs
  Exchange& forgotten = take('b', 200);
  Exchange& left = take('c', 200);
  take('d', 200);
  take('e', 1);        // one too many
  take('f', 0, true);  // its client may have left already
  CHECK(told == "a e503 f503 ");
  std::exchange(forgotten.forget, nullptr)();
  std::exchange(left.on_input_end, nullptr)();
  CHECK(told == "a e503 f503 c503 ");
  take('g', 400);  // there's room again
  turns.end();
  turns.end();
  turns.end();
  take('h', 1000);
  CHECK(told == "a e503 f503 c503 d g h ");
}

}  // namespace timeslice::demo::test
