// SPDX-License-Identifier: MIT
// Does the demo serve each route, survive its clients, and shut down cleanly?
#include "tools/demo.h"
#include "base/failure.h"
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

}  // namespace

TEST_CASE("demo: every route answers") {
  DemoOptions options = on_each_backend();
  options.file_bytes = 100'000;
  DemoProcess demo(options);
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 OK\r\n") && Contains("Hello"));
  CHECK(body_of(fetch(demo, "/file")).size() == 100'000);
  const std::string hash = body_of(fetch(demo, "/hash?iterations=1000"));
  CHECK(hash.size() == 65);
  CHECK(body_of(fetch(demo, "/hash?iterations=1000")) == hash);
  CHECK_THAT(fetch(demo, "/block?ms=3"), Contains("for 3 ms"));
  for (const char* bad : {"/block?ms=2001", "/block?ms=-1", "/block?ms=abc", "/block?ms=",
                          "/hash?iterations=0", "/hash?iterations=99999999999999999999"})
    CHECK_THAT(fetch(demo, bad), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(fetch(demo, "/none"), StartsWith("HTTP/1.1 404 "));
  CHECK_THAT(
      ask(demo, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"),
      StartsWith("HTTP/1.1 405 ") && Contains("Allow: GET, HEAD"));
  CHECK_THAT(ask(demo, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
             StartsWith("HTTP/1.1 4"));
  CHECK(body_of(ask(demo, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).empty());
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo: /stats counts") {
  const DemoOptions options = on_each_backend();
  DemoProcess demo(options);
  for (int i = 0; i < 3; ++i) fetch(demo, "/");
  fetch(demo, "/hash?iterations=1");
  fetch(demo, "/none");
  const json stats = stats_of(demo);
  CAPTURE(stats.dump());
  CHECK(stats["pid"] == demo.pid());
  CHECK(stats["pool_size"] == 4);
  CHECK(stats["requests"]["/"] == 3);
  CHECK(stats["requests"]["/hash"] == 1);
  CHECK(stats["requests"]["/file"] == 0);
  CHECK(stats["requests"]["other"] == 1);
  CHECK(stats["connections"] >= 1);
  CHECK(stats["turns"] > 0);
  CHECK(stats["events"] > 0);
  CHECK(stats["idle_ms"] <= stats["uptime_ms"]);
  const char* asked = options.backend == BackendKind::uring  ? "uring"
                      : options.backend == BackendKind::pool ? "pool"
                                                             : "blocking";
  CHECK((stats["backend"] == asked || stats["backend_note"].is_string()));
  CHECK(stats["system_calls"] > 0);
  CHECK(stats["accepted"] >= 6);
}

TEST_CASE("demo: if io_uring is forbidden, it says so and serves anyway") {
  DemoProcess demo({}, [] {
    if (!loop::test::forbid_io_uring()) ::_exit(77);
  });
  const json stats = stats_of(demo);
  CHECK(stats["backend"] == "pool");
  CHECK_THAT(stats["backend_note"].get<std::string>(), Contains("not permitted"));
  CHECK(demo.terminate() == 0);
  CHECK_THAT(demo.everything_said(), Contains("(backend pool)") && Contains("not permitted"));
}

TEST_CASE("demo: pipelined requests are answered in order") {
  DemoProcess demo(on_each_backend());
  Client client(demo);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get(i % 10 == 0 ? "/hash?iterations=2000" : "/none");
  client.send(requests + get("/block?ms=1", true) + get("/"));
  const std::string text = client.read_to_end();
  std::string order;
  for (std::size_t at = 0; (at = text.find("HTTP/1.1 ", at)) != std::string::npos; ++at)
    order += text[at + 9];
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += i % 10 == 0 ? '2' : '4';
  CHECK(order == expected + '2');  // and nothing after the one that asked to close
  CHECK_THAT(text, Contains("Connection: close") && Contains("blocked for 1 ms"));
}

TEST_CASE("demo: a request may arrive byte by byte, and a connection be reused") {
  DemoProcess demo(on_each_backend());
  Client client(demo);
  for (const char byte : get("/")) client.send({byte});
  CHECK_THAT(client.read_until("loop.\n"), StartsWith("HTTP/1.1 200 "));
  client.send(get("/none"));
  CHECK_THAT(client.read_until("/stats.\n"), StartsWith("HTTP/1.1 404 "));
}

TEST_CASE("demo: a bad request gets its status, and the server goes on") {
  DemoProcess demo(on_each_backend());
  const std::string close = "Connection: close\r\n\r\n";
  CHECK_THAT(ask(demo, "this is not HTTP\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(ask(demo, std::string(70'000, '\0')), StartsWith("HTTP/1.1 400 "));
  CHECK_THAT(ask(demo, "GET / HTTP/9.9\r\n" + close), StartsWith("HTTP/1.1 "));
  CHECK_THAT(
      ask(demo, "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(40'000, 'x') + "\r\n" + close),
      StartsWith("HTTP/1.1 431 "));
  CHECK_THAT(ask(demo, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" +
                           std::string(100'000, 'x')),
             StartsWith("HTTP/1.1 413 "));
  CHECK_THAT(
      ask(demo, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: upgrade, close\r\n\r\n"),
      StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo: a half-closed client gets its answer, and one that resets affects no others") {
  DemoProcess demo(on_each_backend());
  Client half(demo);
  half.send(get("/hash?iterations=50000"));
  half.no_more();
  CHECK(body_of(half.read_to_end()).size() == 65);
  for (const char* target : {"/", "/file", "/hash?iterations=20000"}) {
    for (int i = 0; i < 10; ++i) {
      Client gone(demo);
      gone.send(get(target) + get(target));
      gone.reset();
    }
  }
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
}

TEST_CASE("demo: on SIGTERM it finishes requests, closes idle clients and refuses new ones") {
  // On `blocking` nothing is in progress when the loop learns of a signal.
  DemoOptions options{.backend = GENERATE(BackendKind::uring, BackendKind::pool)};
  options.limits.grace = 60s;
  DemoProcess demo(options);
  Client idle(demo);
  idle.send(get("/"));
  idle.read_until("loop.\n");
  Client busy(demo);
  busy.send(get("/hash?iterations=1000000"));
  REQUIRE(await([&] { return stats_of(demo)["requests"]["/hash"] == 1; }));
  ::kill(demo.pid(), SIGTERM);
  CHECK(idle.read_to_end().empty());  // the end of the stream
  const std::string answer = busy.read_to_end();
  CHECK_THAT(answer, StartsWith("HTTP/1.1 200 ") && Contains("Connection: close"));
  CHECK(body_of(answer).size() == 65);
  CHECK(loop::connect_to_loopback(demo.port()) == -ECONNREFUSED);
  busy.reset();
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo: without free descriptors it waits for one, and serves again") {
  DemoProcess demo(on_each_backend(), [] {
    const rlimit few{.rlim_cur = 24, .rlim_max = 24};
    ::setrlimit(RLIMIT_NOFILE, &few);
  });
  {
    std::vector<std::unique_ptr<Client>> many;
    for (int i = 0; i < 40; ++i) many.push_back(std::make_unique<Client>(demo));
    many[0]->send(get("/"));
    CHECK_THAT(many[0]->read_until("loop.\n"), StartsWith("HTTP/1.1 200 "));
  }
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK(demo.terminate() == 0);
}

TEST_CASE("demo: a port in use is refused in one clear sentence") {
  DemoProcess demo({});
  try {
    run_demo({.port = demo.port()});
    FAIL("two servers on one port");
  } catch (const Failure& failure) {
    CHECK_THAT(failure.what(), Contains("is in use") && Contains("--port"));
  }
}

TEST_CASE("demo: it exits after the given number of seconds") {
  DemoOptions options = on_each_backend();
  options.seconds = 0.1;
  DemoProcess demo(options);
  CHECK(demo.wait() == 0);
}

TEST_CASE("demo: it generates its own load, which ends with it") {
  DemoOptions options = on_each_backend();
  options.load = true;
  DemoProcess demo(options);
  REQUIRE(await([&] {
    const json requests = stats_of(demo)["requests"];
    return requests["/"] >= 20 && requests["/file"] >= 5 && requests["/hash"] >= 2;
  }));
  const pid_t load = child_of(demo.pid());
  REQUIRE(load > 0);
  CHECK(runs(load));
  if (GENERATE(true, false)) {
    CHECK(demo.terminate() == 0);
  } else {
    ::kill(demo.pid(), SIGKILL);
    demo.wait();
  }
  CHECK(await([&] { return !runs(load); }));
}

TEST_CASE("demo: the command line accepts what its help lists, and nothing else") {
  const auto refused = [](const std::string& arguments) {
    CLI::App app;
    add_demo(app);
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError&) {
      return true;
    }
    return false;
  };
  for (const char* bad :
       {"demo --backend other", "demo --pool 0", "demo --pool 1025", "demo --port 70000",
        "demo --seconds -1", "demo --seconds x", "demo extra"})
    CHECK(refused(bad));
  CHECK_FALSE(refused("demo --backend pool --pool 2 --port 0 --seconds 0.01 --file-kib 1"));
}

}  // namespace timeslice::demo::test
