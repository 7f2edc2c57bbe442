// SPDX-License-Identifier: MIT
// Can one client take more than its share of the demo: of bytes, of places, of time?
#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

const std::string kClose = "Connection: close\r\n\r\n";

// A client whose kernel buffers little before it reads.
Client small_client(const DemoProcess& demo) {
  Client client(demo);
  const int size = 4096;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return client;
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
  return count;
}

}  // namespace

TEST_CASE("demo limits: headers and bodies have maximum sizes") {
  DemoOptions options = on_each_backend();
  options.limits.header_bytes = 1000;
  options.limits.headers = 11;
  options.limits.body_bytes = 100;
  DemoProcess demo(options);
  const auto header = [&](std::size_t size) {
    return ask(demo, "GET / HTTP/1.1\r\nHost: x\r\nx: " + std::string(size, 'x') + "\r\n" + kClose);
  };
  CHECK_THAT(header(900), StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(header(1000), StartsWith("HTTP/1.1 431 ") && Contains("Connection: close"));
  const auto headers = [&](int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += "x: y\r\n";
    return ask(demo, "GET / HTTP/1.1\r\nHost: x\r\n" + lines + kClose);
  };
  CHECK_THAT(headers(9), StartsWith("HTTP/1.1 200 "));
  CHECK_THAT(headers(10), StartsWith("HTTP/1.1 431 "));
  const auto body = [&](int size) {  // of which nothing is sent
    Client client(demo);
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n" +
                kClose);
    if (size <= 100) client.send(std::string(static_cast<std::size_t>(size), 'x'));
    return client.read_to_end();
  };
  CHECK_THAT(body(100), StartsWith("HTTP/1.1 405 "));
  CHECK_THAT(body(101), StartsWith("HTTP/1.1 413 ") && Contains("Connection: close"));
  CHECK_THAT(ask(demo, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                           std::string(101, 'x')),
             StartsWith("HTTP/1.1 413 "));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
}

TEST_CASE("demo limits: excess pipelined requests wait unread, and all are answered in order") {
  DemoOptions options = on_each_backend();
  options.limits.pipelined = 4;
  DemoProcess demo(options);
  Client client(demo);
  std::string requests = get("/hash?iterations=50000");
  for (int i = 1; i <= 3000; ++i) requests += get(i % 3 == 0 ? "/none" : "/");
  std::thread sending([&] { client.send(requests + get("/block?ms=1", true)); });
  const std::string text = client.read_to_end();
  sending.join();
  CHECK(count_of(text, "HTTP/1.1 200 ") == 2002);
  CHECK(count_of(text, "HTTP/1.1 404 ") == 1000);
  CHECK_THAT(text, Contains("blocked for 1 ms"));
}

TEST_CASE("demo limits: nothing more is read from a client that never reads its answers") {
  const DemoOptions options = on_each_backend();
  DemoProcess demo(options);
  REQUIRE_THAT(fetch(demo, "/file"), StartsWith("HTTP/1.1 200 "));
  [[maybe_unused]] const long before = memory_kib(demo.pid(), "VmRSS");
  Client client = small_client(demo);
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/file");
  std::size_t sent = 0;
  pollfd writable{client.fd(), POLLOUT, 0};
  while (::poll(&writable, 1, 300) == 1 && sent < (std::size_t{100} << 20)) {
    const ssize_t size =
        ::send(client.fd(), requests.data(), requests.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) sent += static_cast<std::size_t>(size);
  }
  CHECK(sent < (std::size_t{100} << 20));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(memory_kib(demo.pid(), "VmRSS") - before < 4096);
#endif
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE(
    "demo limits: a header that isn't completed in time gets 408, even if bytes keep coming") {
  DemoOptions options = on_each_backend();
  options.limits.header_time = 100ms;
  DemoProcess demo(options);
  Client client(demo);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nx: ");
  const auto began = std::chrono::steady_clock::now();
  while (!client.readable(10) && std::chrono::steady_clock::now() - began < loop::test::kDeadline)
    client.send("x");
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 ") && Contains("Connection: close"));
  CHECK(stats_of(demo)["timed_out"] == 1);
}

TEST_CASE("demo limits: a body that isn't completed in time gets 408") {
  DemoOptions options = on_each_backend();
  options.limits.body_time = 100ms;
  DemoProcess demo(options);
  Client client(demo);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  CHECK_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 "));
}

TEST_CASE("demo limits: an idle connection is closed, one that waits for its answer is not") {
  DemoOptions options = on_each_backend();
  options.limits.idle_time = options.limits.header_time = options.limits.stall_time = 50ms;
  DemoProcess demo(options);
  Client silent(demo);
  CHECK(silent.read_to_end().empty());
  // A machine that stalls for that long ends others as well: so they are tried again.
  const auto is_served = [&](const std::string& target) {
    return await([&] {
      Client client(demo);
      client.send(get(target));
      return client.read_to_end().starts_with("HTTP/1.1 200 ");
    });
  };
  CHECK(is_served("/"));
  CHECK(is_served("/hash?iterations=600000"));  // some 300 ms
}

TEST_CASE("demo limits: a client that stops reading its answer is disconnected") {
  DemoOptions options = on_each_backend();
  options.limits.stall_time = 1s;
  options.file_bytes = std::size_t{64} << 20;
  DemoProcess demo(options);
  Client client = small_client(demo);
  client.send(get("/file"));
  CHECK(await([&] { return stats_of(demo)["timed_out"] >= 1; }));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
  client.reset();  // rather than to read what the kernel still has, in pieces of 4 KiB
}

TEST_CASE("demo limits: at the limit of connections, further ones wait to be accepted") {
  DemoOptions options = on_each_backend();
  options.limits.connections = 8;
  DemoProcess demo(options);
  std::vector<std::unique_ptr<Client>> many;
  for (int i = 0; i < 30; ++i) many.push_back(std::make_unique<Client>(demo));
  for (auto& client : many) client->send(get("/stats"));
  std::size_t served = 0;
  while (!many.empty()) {  // those that have their answer leave
    std::erase_if(many, [&](auto& client) {
      if (!client->readable(20)) return false;
      const json stats = json::parse(body_of(client->read_until("}\n")));
      CHECK(stats["connections"] <= 8);
      return ++served > 0;
    });
  }
  CHECK(served == 30);
  CHECK_THAT(fetch(demo, "/"), StartsWith("HTTP/1.1 200 "));
  CHECK(stats_of(demo)["accept_rests"] >= 1);
  CHECK(demo.terminate() == 0);
}

}  // namespace timeslice::demo::test
