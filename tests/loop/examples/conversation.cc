// SPDX-License-Identifier: MIT
// Example: how do two sides talk that are each written as one sequence? As coroutines: the server
// takes connections until it is stopped, each client resolves a name, connects, asks, says that
// this was all, and reads the answer, with a time limit on each step.
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <stop_token>

#include "loop/coroutines/coroutine.h"
#include "loop/io/resolve.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

Co<bool> send_all(Loop& loop, int fd, const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const int size = co_await send(loop, fd, text.data() + sent, text.size() - sent).within(60s);
    if (size <= 0) co_return false;
    sent += static_cast<std::size_t>(size);
  }
  co_return true;
}

// Empty if the other side fails or is too slow.
Co<std::string> read_to_end(Loop& loop, int fd) {
  std::string text;
  char piece[16];
  for (;;) {
    const int size = co_await recv(loop, fd, piece, sizeof piece).within(60s);
    if (size < 0) co_return "";
    if (size == 0) co_return text;
    text.append(piece, static_cast<std::size_t>(size));
  }
}

Co<> answer(Loop& loop, int fd) {
  std::string text = co_await read_to_end(loop, fd);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  co_await send_all(loop, fd, text);
  co_await close(loop, fd);
}

// Until this task is stopped.
Co<> serve(Loop& loop, int listener) {
  Connections connections = accept_many(loop, listener);
  for (;;) {
    const int fd = co_await connections.next();
    if (fd < 0) co_return;
    spawn(loop, answer(loop, fd));
  }
}

Co<std::string> ask(Loop& loop, const Endpoint& server, std::string question) {
  UniqueFd fd(::socket(server.family, server.type | SOCK_CLOEXEC, server.protocol));
  if (!fd) co_return "";
  const int error = co_await connect(loop, fd.get(), server.address(), server.size).within(60s);
  if (error < 0) co_return "";
  const bool sent = co_await send_all(loop, fd.get(), question);
  if (!sent) co_return "";
  co_await shutdown(loop, fd.get(), SHUT_WR);
  std::string text = co_await read_to_end(loop, fd.get());
  co_await close(loop, fd.release());
  co_return text;
}

Co<> ask_both(Loop& loop, const Endpoint& server, std::string& answers,
              std::stop_source& server_stop) {
  const auto [first, second] =
      co_await when_all(ask(loop, server, "how are you?"), ask(loop, server, "what time is it?"));
  answers = first + " " + second;
  server_stop.request_stop();
}

}  // namespace

TEST_ON_EACH_BACKEND("example: a server and its clients, each written as one sequence") {
  const UniqueFd listener(listen_on_loopback(0));
  REQUIRE(listener);
  Request resolving;
  std::vector<Endpoint> endpoints;
  std::string answers;
  std::stop_source stop;
  GuardedLoop loop(options);
  spawn(loop, serve(loop, listener.get()), stop.get_token());
  const std::string port = std::to_string(port_of(listener.get()));
  resolve(loop, resolving, "127.0.0.1", port, {.type = SOCK_STREAM}, endpoints, [&](Request& done) {
    if (done.result() < 0) throw std::runtime_error(resolve_error_text(done.result()));
    spawn(loop, ask_both(loop, endpoints.front(), answers, stop));
  });
  loop.run();  // until the server is stopped, and nothing else is alive
  CHECK(answers == "HOW ARE YOU? WHAT TIME IS IT?");
}

}  // namespace timeslice::loop::test
