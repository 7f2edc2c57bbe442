// SPDX-License-Identifier: MIT
// Do pipes, terminals and counters wait when they must, and end as they should?
#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <termios.h>

#include <csignal>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

void set_nonblocking(int fd) {
  REQUIRE(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

// By default SIGPIPE would end the program: so EPIPE here proves that none was sent.
struct DefaultSigpipe {
  DefaultSigpipe() { ::signal(SIGPIPE, SIG_DFL); }
};

// Writes `text` with as many writes as necessary.
struct WholeWrite {
  void go_on() {
    loop.write(request, fd, text.data() + written, text.size() - written, kCurrentPosition,
               [this](Request& done) {
                 if (done.result() <= 0) return;
                 written += static_cast<std::size_t>(done.result());
                 if (written < text.size()) go_on();
               });
  }
  Loop& loop;
  const int fd;
  const std::string& text;
  Request request{};
  std::size_t written = 0;
};

// Reads until the end of the stream.
struct WholeRead {
  void go_on() {
    loop.read(request, fd, buffer.data(), buffer.size(), kCurrentPosition, [this](Request& done) {
      result = done.result();
      if (result <= 0) return;
      text.append(buffer.data(), static_cast<std::size_t>(result));
      go_on();
    });
  }
  Loop& loop;
  const int fd;
  Request request{};
  std::string text{};
  int result = 1;
  std::array<char, 5000> buffer{};
};

struct Terminal {
  Terminal() {
    int master = -1, slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) std::abort();
    keyboard = UniqueFd(master);
    program = UniqueFd(slave);
    termios raw{};
    ::tcgetattr(slave, &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(slave, TCSANOW, &raw);
  }
  UniqueFd keyboard, program;
};

std::string numbers(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  return text;
}

}  // namespace

TEST_ON_EACH_BACKEND("a full pipe makes its writer wait, and every byte arrives in order") {
  Pipe pipe;
  const std::string text = numbers(400'000);  // more than a pipe holds
  GuardedLoop loop(options);
  WholeWrite writing{loop, pipe.in.get(), text};
  WholeRead reading{loop, pipe.out.get()};
  writing.go_on();
  Timer later(loop, [&] {
    CHECK(writing.written < text.size());
    reading.go_on();
  });
  later.start(10ms);
  Hook check(loop, Phase::check, [&] {
    if (writing.written == text.size()) loop.close_now(pipe.in.release()), check.stop();
  });
  check.unref();
  check.start();
  loop.run();
  CHECK(reading.result == 0);
  CHECK(reading.text == text);
}

TEST_ON_EACH_BACKEND("a pipe without a reader is EPIPE, not a signal") {
  const DefaultSigpipe deadly;
  Pipe pipe;
  GuardedLoop loop(options);
  pipe.out = UniqueFd();
  const iovec part{const_cast<char*>("x"), 1};
  CHECK(perform(loop, operations::write(pipe.in.get(), "x", 1, kCurrentPosition)) == -EPIPE);
  CHECK(perform(loop, operations::writev(pipe.in.get(), &part, 1, kCurrentPosition)) == -EPIPE);
}

TEST_ON_EACH_BACKEND("a handler of SIGPIPE stays in its place, and a write blocks no signal") {
  const auto handler = [](int) {};
  const auto former = ::signal(SIGPIPE, handler);
  Pipe pipe;
  GuardedLoop loop(options);
  pipe.out = UniqueFd();
  CHECK(perform(loop, operations::write(pipe.in.get(), "x", 1, kCurrentPosition)) == -EPIPE);
  struct sigaction now {};
  CHECK(::sigaction(SIGPIPE, nullptr, &now) == 0);
  CHECK(now.sa_handler == static_cast<sighandler_t>(handler));
  sigset_t mask;
  REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0);
  CHECK(::sigismember(&mask, SIGPIPE) == 0);
  ::signal(SIGPIPE, former);
}

TEST_ON_EACH_BACKEND("a writer that waits for room learns that its reader has closed") {
  const DefaultSigpipe deadly;
  Pipe pipe;
  set_nonblocking(pipe.in.get());
  const std::string chunk(4096, 'x');
  while (::write(pipe.in.get(), chunk.data(), chunk.size()) > 0) {
  }
  Request writing;
  GuardedLoop loop(options);
  int result = 0;
  loop.write(writing, pipe.in.get(), chunk.data(), chunk.size(), kCurrentPosition,
             [&](Request& done) { result = done.result(); });
  Timer later(loop, [&] {
    CHECK(writing.in_flight());
    pipe.out = UniqueFd();
  });
  later.start(5ms);
  loop.run();
  CHECK(result == -EPIPE);
}

TEST_ON_EACH_BACKEND("a socket whose peer has closed is EPIPE for every operation that sends") {
  const DefaultSigpipe deadly;
  SocketPair pair;
  GuardedLoop loop(options);
  pair.b = UniqueFd();
  iovec part{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  CHECK(perform(loop, operations::send(pair.a.get(), "x", 1, 0)) == -EPIPE);
  CHECK(perform(loop, operations::sendmsg(pair.a.get(), &message)) == -EPIPE);
  CHECK(perform(loop, operations::write(pair.a.get(), "x", 1, kCurrentPosition)) == -EPIPE);
}

TEST_ON_EACH_BACKEND("a waiting reader sees the end when the last writer closes") {
  Pipe pipe;
  std::array<char, 4> buffer{};
  Request reading;
  GuardedLoop loop(options);
  int result = -1;
  loop.read(reading, pipe.out.get(), buffer.data(), buffer.size(), kCurrentPosition,
            [&](Request& done) { result = done.result(); });
  loop.set_immediate([&] {
    CHECK(reading.in_flight());
    pipe.in = UniqueFd();
  });
  loop.run();
  CHECK(result == 0);
}

TEST_ON_EACH_BACKEND("a descriptor in non-blocking mode is waited for like any other") {
  Pipe pipe;
  SocketPair pair;
  Terminal terminal;
  const UniqueFd counter(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  for (const int fd : {pipe.out.get(), pair.a.get(), terminal.program.get()}) set_nonblocking(fd);
  std::vector<Request> requests(5);
  std::vector<std::array<char, 8>> buffers(5);
  GuardedLoop loop(options);
  std::vector<int> results(5, 0);
  const auto note = [&](std::size_t i) { return [&, i](Request& r) { results[i] = r.result(); }; };
  const auto read = [&](std::size_t i, int fd) {
    loop.read(requests[i], fd, buffers[i].data(), 8, kCurrentPosition, note(i));
  };
  read(0, pipe.out.get());
  read(1, pair.a.get());
  read(2, terminal.program.get());
  read(3, counter.get());
  loop.recv(requests[4], pair.b.get(), buffers[4].data(), 8, note(4));
  Timer later(loop, [&] {
    for (const Request& request : requests) CHECK(request.in_flight());
    const std::uint64_t one = 1;
    REQUIRE(::write(pipe.in.get(), "x", 1) == 1);
    REQUIRE(::write(pair.b.get(), "x", 1) == 1);
    REQUIRE(::write(terminal.keyboard.get(), "x", 1) == 1);
    REQUIRE(::write(counter.get(), &one, sizeof one) == sizeof one);
    REQUIRE(::write(pair.a.get(), "x", 1) == 1);
  });
  later.start(5ms);
  loop.run();
  CHECK(results == std::vector<int>{1, 1, 1, 8, 1});
}

TEST_ON_EACH_BACKEND("a terminal is read key by key, written, and hung up") {
  Terminal terminal;
  std::array<char, 16> keys{};
  Request reading;
  GuardedLoop loop(options);
  int result = 0;
  const auto read = [&](int fd) {
    loop.read(reading, fd, keys.data(), keys.size(), kCurrentPosition,
              [&](Request& done) { result = done.result(); });
  };
  read(terminal.program.get());
  loop.set_immediate([&] {
    CHECK(reading.in_flight());
    REQUIRE(::write(terminal.keyboard.get(), "key", 3) == 3);
  });
  loop.run();
  CHECK(transferred(options, result, 3));
  ::tcflush(terminal.program.get(), TCIFLUSH);
  std::string nothing, word = "word";
  const std::array<iovec, 2> parts{{{nothing.data(), 0}, {word.data(), 4}}};
  CHECK(perform(loop, operations::writev(terminal.program.get(), parts.data(), 2,
                                         kCurrentPosition)) == 4);
  CHECK(perform(loop, operations::write(terminal.program.get(), "s", 1, kCurrentPosition)) == 1);
  CHECK(perform(loop, operations::poll(terminal.program.get(), POLLOUT)) == POLLOUT);
  std::string seen;  // the kernel may hand it over in pieces
  while (seen.size() < 5 && ::read(terminal.keyboard.get(), keys.data(), 1) == 1) seen += keys[0];
  CHECK(seen == "words");
  read(terminal.keyboard.get());
  loop.set_immediate([&] {
    CHECK(reading.in_flight());
    terminal.program = UniqueFd();
  });
  loop.run();
  CHECK(result == -EIO);
}

TEST_ON_EACH_BACKEND("a wait for a terminal's key can be cancelled, and no key is lost") {
  Terminal terminal;
  char key = 0;
  Request reading;
  GuardedLoop loop(options);
  int result = 0;
  const Done note = [&](Request& done) { result = done.result(); };
  loop.read(reading, terminal.program.get(), &key, 1, kCurrentPosition, note);
  loop.set_immediate([&] { reading.cancel(); });
  loop.run();
  CHECK(result == -ECANCELED);
  REQUIRE(::write(terminal.keyboard.get(), "k", 1) == 1);
  loop.read(reading, terminal.program.get(), &key, 1, kCurrentPosition, note);
  loop.run();
  CHECK(result == 1);
  CHECK(key == 'k');
}

}  // namespace timeslice::loop::test
