// SPDX-License-Identifier: MIT
// Do sockets, pipes and cancels work, also when many are open and when the loop is destroyed first?
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <list>
#include <thread>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// Sends all of `data`, with as many sends as necessary, and then calls `done` with true; with false
// if that fails.
struct WholeSend {
  void start(Loop& loop, int fd, std::string_view data, std::function<void(bool)> done) {
    loop.send(request, fd, data.data(), data.size(), [=, this, &loop](Request& sent) {
      if (sent.result() <= 0) return done(false);
      const std::string_view rest = data.substr(static_cast<std::size_t>(sent.result()));
      if (rest.empty()) return done(true);
      start(loop, fd, rest, done);
    });
  }
  Request request;
};

// Sends back what it gets until the peer closes.
struct Echo {
  Echo(Loop& home, int socket, int& open_count) : loop(home), fd(socket), open(open_count) {
    ++open;
    receive();
  }
  void receive() {
    loop.recv(request, fd, buffer.data(), buffer.size(), [this](Request& done) {
      if (done.result() <= 0) return finish();
      sending.start(loop, fd, {buffer.data(), static_cast<std::size_t>(done.result())},
                    [this](bool) { receive(); });
    });
  }
  void finish() {
    loop.close_now(fd);
    --open;
  }

  Loop& loop;
  int fd;
  int& open;
  Request request;
  WholeSend sending;
  std::array<char, 512> buffer{};
};

// Sends `rounds` messages, each after the answer to the last one, and closes.
struct Caller {
  Caller(Loop& home, std::uint16_t port, int count)
      : loop(home), fd(connect_to_loopback(port)), rounds(count) {
    REQUIRE(fd >= 0);
    next();
  }
  void next() {
    if (rounds-- == 0) return loop.close_now(fd);
    message = "message " + std::to_string(fd) + "/" + std::to_string(rounds);
    answer.clear();
    sending.start(loop, fd, message, [this](bool good) {
      if (!good) return loop.close_now(fd);
      receive();
    });
  }
  void receive() {
    loop.recv(request, fd, buffer.data(), buffer.size(), [this](Request& got) {
      if (got.result() <= 0) return loop.close_now(fd);
      answer.append(buffer.data(), static_cast<std::size_t>(got.result()));
      if (answer.size() < message.size()) return receive();
      right += message == answer;
      next();
    });
  }

  Loop& loop;
  int fd;
  int rounds;
  int right = 0;
  Request request;
  WholeSend sending;
  std::string message, answer;
  std::array<char, 512> buffer{};
};

}  // namespace

TEST_ON_EACH_BACKEND("a TCP server echoes on many connections at the same time") {
  constexpr int kConnections = 200;
  constexpr int kRounds = 20;
  const int listener = listen_on_loopback(0);
  REQUIRE(listener >= 0);
  const auto port = static_cast<std::uint16_t>(port_of(listener));
  std::list<Echo> echoes;
  std::list<Caller> callers;
  Request accepting;
  int open = 0;
  GuardedLoop loop(options);
  Done accepted = [&](Request& done) {
    if (done.result() < 0) return;
    echoes.emplace_back(loop, done.result(), open);
    if (echoes.size() < kConnections) loop.accept(accepting, listener, accepted);
  };
  loop.accept(accepting, listener, accepted);
  for (int i = 0; i < kConnections; ++i) callers.emplace_back(loop, port, kRounds);
  loop.run();
  CHECK(echoes.size() == kConnections);
  CHECK(open == 0);
  int right = 0;
  for (const Caller& caller : callers) right += caller.right;
  CHECK(right == kConnections * kRounds);
  loop.close_now(listener);
}

TEST_ON_EACH_BACKEND("a waiting receive can be cancelled, and its socket still be used") {
  SocketPair pair;
  std::array<char, 8> buffer{};
  Request receiving;
  GuardedLoop loop(options);
  std::vector<int> results;
  Timer soon(loop, [&] { receiving.cancel(); });
  soon.start(1ms);
  loop.recv(receiving, pair.a.get(), buffer.data(), buffer.size(),
            [&](Request& done) { results.push_back(done.result()); });
  loop.run();
  receiving.cancel();  // not in flight: nothing happens
  loop.recv(receiving, pair.a.get(), buffer.data(), buffer.size(),
            [&](Request& done) { results.push_back(done.result()); });
  REQUIRE(::write(pair.b.get(), "abc", 3) == 3);
  loop.run();
  REQUIRE(results.size() == 2);
  CHECK(results[0] == -ECANCELED);
  CHECK(transferred(options, results[1], 3));
}

TEST_ON_EACH_BACKEND("a cancel that races the data ends in exactly one completion") {
  SocketPair pair;
  std::array<char, 8> buffer{};
  Request receiving;
  GuardedLoop loop(options);
  for (int i = 0; i < 200; ++i) {
    int calls = 0;
    int result = 0;
    loop.recv(receiving, pair.a.get(), buffer.data(), 1, [&](Request& done) {
      ++calls;
      result = done.result();
    });
    REQUIRE(::write(pair.b.get(), "x", 1) == 1);
    receiving.cancel();
    receiving.cancel();
    loop.run();
    REQUIRE(calls == 1);
    REQUIRE((result == 1 || result == -ECANCELED));
    if (result == -ECANCELED) REQUIRE(::read(pair.a.get(), buffer.data(), 1) == 1);
  }
}

TEST_ON_EACH_BACKEND("a waiting accept can be cancelled") {
  const int listener = listen_on_loopback(0);
  Request accepting;
  GuardedLoop loop(options);
  int result = 0;
  loop.accept(accepting, listener, [&](Request& done) { result = done.result(); });
  loop.set_immediate([&] { accepting.cancel(); });
  loop.run();
  CHECK(result == -ECANCELED);
  loop.close_now(listener);
}

TEST_ON_EACH_BACKEND("a destroyed loop cancels what is in flight and makes no callback") {
  SocketPair pair;
  Pipe pipe;
  const UniqueFd file = temporary_file(std::string(4096, 'x'));
  std::array<char, 4096> buffer{};
  std::vector<Request> requests(6);
  int called = 0;
  std::atomic<int> jobs{0};
  const Done count = [&](Request&) { ++called; };
  {
    Loop loop(options);
    Timer timer(loop, {});
    timer.start(1h);
    const int listener = listen_on_loopback(0);
    loop.recv(requests[0], pair.a.get(), buffer.data(), 1, count);
    loop.poll(requests[1], pipe.out.get(), POLLIN, count);
    loop.accept(requests[2], listener, count);
    loop.read(requests[3], file.get(), buffer.data(), buffer.size(), 0, count);
    loop.work(
        requests[4], [&] { ++jobs; }, count);
    loop.read(requests[5], pipe.out.get(), buffer.data(), 1, kCurrentPosition, count);
    loop.set_immediate([&] { loop.stop(); });
    if (GENERATE(false, true)) loop.run();  // else nothing has even been submitted
    called = 0;
    ::close(listener);
  }
  CHECK(called == 0);
  for (Request& request : requests) CHECK_FALSE(request.in_flight());
  CHECK(requests[0].result() == -ECANCELED);
  CHECK(requests[1].result() == -ECANCELED);
}

TEST_ON_EACH_BACKEND("poll shows what a pipe is ready for, and that its other end is closed") {
  Pipe pipe;
  Request request;
  GuardedLoop loop(options);
  std::vector<int> events;
  const Done note = [&](Request& done) { events.push_back(done.result()); };
  loop.poll(request, pipe.in.get(), POLLOUT, note);
  loop.run();
  loop.poll(request, pipe.out.get(), POLLIN, note);
  loop.set_immediate([&] { REQUIRE(::write(pipe.in.get(), "x", 1) == 1); });
  loop.run();
  loop.poll(request, pipe.out.get(), POLLIN, note);  // still unread, so still ready
  loop.run();
  char byte;
  REQUIRE(::read(pipe.out.get(), &byte, 1) == 1);
  loop.poll(request, pipe.out.get(), POLLIN, note);
  loop.set_immediate([&] { pipe.in = UniqueFd(); });
  loop.run();
  CHECK(events == std::vector<int>{POLLOUT, POLLIN, POLLIN, POLLHUP});
}

TEST_ON_EACH_BACKEND("poll finds a regular file always ready, as poll(2) does") {
  const UniqueFd file = temporary_file("x");
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Request request;
  GuardedLoop loop(options);
  for (const int fd : {file.get(), null.get()}) {
    int events = 0;
    loop.poll(request, fd, POLLIN, [&](Request& done) { events = done.result(); });
    loop.run();
    CHECK(events == POLLIN);
  }
}

TEST_ON_EACH_BACKEND("several requests may wait on one descriptor") {
  SocketPair pair;
  std::vector<Request> receives(3);
  std::vector<std::array<char, 1>> bytes(3);
  Request writable;
  GuardedLoop loop(options);
  int got = 0;
  int events = 0;
  for (std::size_t i = 0; i < receives.size(); ++i)
    loop.recv(receives[i], pair.a.get(), bytes[i].data(), 1,
              [&](Request& done) { got += done.result(); });
  loop.poll(writable, pair.a.get(), POLLOUT, [&](Request& done) {
    events = done.result();
    REQUIRE(::write(pair.b.get(), "abc", 3) == 3);
  });
  loop.run();
  CHECK(got == 3);
  CHECK(events == POLLOUT);
  // Which of them gets which byte is undefined: io_uring wakes the latest one first.
  std::string all{bytes[0][0], bytes[1][0], bytes[2][0]};
  std::sort(all.begin(), all.end());
  CHECK(all == "abc");
}

TEST_ON_EACH_BACKEND("a reused descriptor number starts afresh") {
  std::array<char, 1> byte{};
  Request request;
  GuardedLoop loop(options);
  int received = 0;
  for (int i = 0; i < 20; ++i) {
    SocketPair pair;
    loop.recv(request, pair.a.get(), byte.data(), 1,
              [&](Request& done) { received += done.result(); });
    loop.set_immediate([&] { REQUIRE(::write(pair.b.get(), "x", 1) == 1); });
    loop.run();
    loop.close_now(pair.a.release());
  }
  CHECK(received == 20);
}

TEST_ON_EACH_BACKEND(
    "a full socket's send waits for room, and a gone peer is EPIPE without a signal") {
  SocketPair pair;
  const std::string chunk(1 << 16, 'x');
  std::string drain(1 << 16, '?');
  Request sending, receiving;
  GuardedLoop loop(options);
  std::size_t left = 64 * chunk.size();
  std::size_t received = 0;
  Done sent = [&](Request& done) {
    REQUIRE(done.result() > 0);
    left -= static_cast<std::size_t>(done.result());
    if (left > 0)
      loop.send(sending, pair.a.get(), chunk.data(), std::min(left, chunk.size()), sent);
  };
  Done got = [&](Request& done) {
    REQUIRE(done.result() > 0);
    received += static_cast<std::size_t>(done.result());
    if (received < 64 * chunk.size())
      loop.recv(receiving, pair.b.get(), drain.data(), drain.size(), got);
  };
  loop.send(sending, pair.a.get(), chunk.data(), chunk.size(), sent);
  Timer later(loop, [&] { loop.recv(receiving, pair.b.get(), drain.data(), drain.size(), got); });
  later.start(5ms);
  loop.run();
  CHECK(received == 64 * chunk.size());
  pair.b = UniqueFd();
  { const UniqueFd closed = std::move(pair.b); }
  int result = 0;
  SocketPair broken;
  ::close(broken.b.release());
  loop.send(sending, broken.a.get(), "x", 1, [&](Request& done) { result = done.result(); });
  loop.run();
  CHECK(result == -EPIPE);
}

}  // namespace timeslice::loop::test
