// SPDX-License-Identifier: MIT
// Are names looked up as this machine does it, and are failures distinguished?
#include "loop/io/resolve.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Catch::Matchers::Contains;

struct Looked {
  int result = 1;
  std::vector<Endpoint> endpoints;
  [[nodiscard]] bool has(const std::string& text) const {
    return std::any_of(endpoints.begin(), endpoints.end(),
                       [&](const Endpoint& endpoint) { return endpoint.text() == text; });
  }
};

Looked look_up(const Options& options, const std::string& host, const std::string& service,
               const ResolveHints& hints = {.type = SOCK_STREAM}) {
  Looked looked;
  Request request;
  GuardedLoop loop(options);
  resolve(loop, request, host, service, hints, looked.endpoints,
          [&](Request& done) { looked.result = done.result(); });
  CHECK(looked.result == 1);  // never called back within the start
  loop.run();
  return looked;
}

}  // namespace

TEST_ON_EACH_BACKEND("a port beyond the last one is not a port") {
  CHECK(look_up(options, "127.0.0.1", "65535").has("127.0.0.1:65535"));
  for (const char* port : {"65536", "99999", "4294967376", "-34463"}) {
    CAPTURE(port);
    CHECK(resolver_code(look_up(options, "127.0.0.1", port).result) == EAI_SERVICE);
  }
}

TEST_CASE("numeric addresses and local names are resolved without a network", "[resolve]") {
  ON_EACH_BACKEND(options);
  Looked looked = look_up(options, "127.0.0.1", "80");
  REQUIRE(looked.result == 0);
  REQUIRE(looked.endpoints.size() == 1);
  CHECK(looked.endpoints[0].text() == "127.0.0.1:80");
  CHECK(looked.endpoints[0].family == AF_INET);
  CHECK(looked.endpoints[0].type == SOCK_STREAM);
  CHECK(looked.endpoints[0].protocol == IPPROTO_TCP);
  CHECK(looked.endpoints[0].size == sizeof(sockaddr_in));

  looked = look_up(options, "::1", "443", {.type = SOCK_DGRAM, .flags = AI_NUMERICHOST});
  REQUIRE(looked.result == 0);
  CHECK(looked.endpoints.at(0).text() == "[::1]:443");
  CHECK(looked.endpoints.at(0).protocol == IPPROTO_UDP);

  looked = look_up(options, "localhost", "8080", {.family = AF_INET, .type = SOCK_STREAM});
  REQUIRE(looked.result == 0);
  CHECK(looked.has("127.0.0.1:8080"));

  looked =
      look_up(options, "", "8080", {.family = AF_INET, .type = SOCK_STREAM, .flags = AI_PASSIVE});
  CHECK(looked.has("0.0.0.0:8080"));
}

TEST_CASE("an endpoint can be passed to connect", "[resolve]") {
  ON_EACH_BACKEND(options);
  const UniqueFd listener(listen_on_loopback(0));
  REQUIRE(listener);
  const Looked looked = look_up(options, "localhost", std::to_string(port_of(listener.get())),
                                {.family = AF_INET, .type = SOCK_STREAM});
  REQUIRE(looked.result == 0);
  const Endpoint& endpoint = looked.endpoints.front();
  const UniqueFd socket(::socket(endpoint.family, endpoint.type | SOCK_CLOEXEC, endpoint.protocol));
  CHECK(::connect(socket.get(), endpoint.address(), endpoint.size) == 0);
}

TEST_CASE("the resolver's errors are not -errno, and have a message", "[resolve]") {
  ON_EACH_BACKEND(options);
  struct Case {
    const char* host;
    const char* service;
    ResolveHints hints;
    int code;
    const char* text;
  };
  for (const Case& c :
       {Case{"no.number", "80", {.flags = AI_NUMERICHOST}, EAI_NONAME, "not known"},
        Case{"127.0.0.1", "no-service", {.type = SOCK_STREAM}, EAI_SERVICE, "not supported"},
        Case{"", "", {}, EAI_NONAME, "not known"},
        Case{"127.0.0.1", "80", {.family = 12345}, EAI_FAMILY, "not supported"},
        Case{"127.0.0.1", "80", {.flags = 1 << 30}, EAI_BADFLAGS, "ai_flags"}}) {
    CAPTURE(c.host, c.service);
    const Looked looked = look_up(options, c.host, c.service, c.hints);
    CHECK(looked.result < -4095);  // past the last errno
    CHECK(resolver_code(looked.result) == c.code);
    CHECK(looked.endpoints.empty());
    CHECK_THAT(resolve_error_text(looked.result),
               Contains("the name can't be resolved: ") && Contains(c.text));
  }
  CHECK(resolver_code(look_up(options, std::string("127.0.0.1\0.net", 14), "80").result) ==
        EAI_NONAME);
  CHECK(resolver_code(-ECANCELED) == 0);
  CHECK(resolver_code(0) == 0);
  CHECK_THAT(resolve_error_text(-ENOMEM), Contains("Cannot allocate memory"));
}

TEST_ON_THOSE_WITH_THREADS(
    "a look-up that waits for a thread is cancelled, and the endpoints stay as they were",
    "[resolve]") {
  options.pool_size = 1;
  std::mutex mutex;
  Request busy, request;
  std::vector<Endpoint> endpoints(3);
  GuardedLoop loop(options);
  int result = 1;
  std::unique_lock held(mutex);
  loop.work(busy, [&] { const std::lock_guard wait(mutex); }, {});
  resolve(loop, request, "localhost", "80", {}, endpoints, [&](Request& done) {
    result = done.result();
    held.unlock();
  });
  request.cancel();
  loop.run();
  CHECK(result == -ECANCELED);
  CHECK(endpoints.size() == 3);
}

TEST_CASE("a loop destroyed during a look-up makes no callback", "[resolve]") {
  ON_EACH_BACKEND(options);
  std::vector<Request> requests(20);
  std::vector<std::vector<Endpoint>> endpoints(requests.size());
  int calls = 0;
  {
    Loop loop(options);
    for (std::size_t i = 0; i < requests.size(); ++i)
      resolve(loop, requests[i], "localhost", "80", {}, endpoints[i], [&](Request&) { ++calls; });
    loop.set_immediate([&] { loop.stop(); });
    if (GENERATE(false, true)) loop.run();
    calls = 0;
    for (auto& list : endpoints) list.clear();
  }
  CHECK(calls == 0);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    CHECK_FALSE(requests[i].in_flight());
    CHECK(endpoints[i].empty());
  }
}

}  // namespace timeslice::loop::test
