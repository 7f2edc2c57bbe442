// SPDX-License-Identifier: MIT
// Example: how does a server take only as many connections as it can serve? An Acceptor leaves the
// others in the kernel's queue until it is told to go on.
#include <fcntl.h>

#include <optional>

#include "loop/io/acceptor.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// Serves whoever comes for a while, one at a time, until `wanted` have been served.
struct Server {
  Server(Loop& loop, UniqueFd listener, int wanted)
      : left(wanted),
        acceptor(
            loop, std::move(listener), [this] { return !guest && left > 0; },
            [this](UniqueFd connection) {
              guest = std::move(connection);
              at_once = std::max(at_once, ++present);
              service.start(1ms);
            }),
        service(loop, [this] { served(); }) {}

  void served() {
    guest = UniqueFd();
    --present;
    --left > 0 ? acceptor.resume() : acceptor.close();
  }

  int left, present = 0, at_once = 0;
  UniqueFd guest;
  Acceptor acceptor;
  Timer service;
};

}  // namespace

TEST_ON_EACH_BACKEND("example: connections are taken one at a time, and the others wait") {
  UniqueFd listener(listen_on_loopback(0));
  REQUIRE(::fcntl(listener.get(), F_SETFL, O_NONBLOCK) == 0);
  const auto port = static_cast<std::uint16_t>(port_of(listener.get()));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(connect_to_loopback(port));
  std::optional<Server> server;  // holds a request, so it outlives the loop
  {
    GuardedLoop loop(options);
    server.emplace(loop, std::move(listener), 5);
    server->acceptor.resume();
    loop.run();
  }
  CHECK(server->left == 0);
  CHECK(server->at_once == 1);
}

}  // namespace timeslice::loop::test
