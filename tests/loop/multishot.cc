// SPDX-License-Identifier: MIT
// Does a multishot request lose, reorder or leak anything, however it ends?
#include <poll.h>

#include <algorithm>
#include <numeric>

#include <cstring>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// This many bytes, each of which encodes its position.
std::string counted(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 / 7);
  return text;
}

std::string_view text_of(const Multishot& request) {
  const std::span<std::byte> data = request.data();
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// A listener and connections to it that aren't accepted yet.
struct Callers {
  explicit Callers(std::size_t count) {
    while (fds.size() < count)
      fds.emplace_back(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
    for (const UniqueFd& fd : fds) REQUIRE(fd);
  }
  UniqueFd listener{listen_on_loopback(0)};
  std::vector<UniqueFd> fds;
};

// Writes all of `text` as fast as there is room, then closes.
struct Writer {
  Writer(Loop& home, UniqueFd socket, std::string content)
      : loop(home), fd(std::move(socket)), text(std::move(content)) {
    go_on();
  }
  void go_on() {
    if (written == text.size()) return loop.close_now(fd.release());
    loop.send(request, fd.get(), text.data() + written, text.size() - written,
              [this](Request& done) {
                REQUIRE(done.result() > 0);
                written += static_cast<std::size_t>(done.result());
                go_on();
              });
  }
  Loop& loop;
  UniqueFd fd;
  const std::string text;
  std::size_t written = 0;
  Request request;
};

// Receives all until the end.
struct Reader {
  Reader(Loop& loop, int fd, Buffers& buffers) {
    loop.recv_many(request, fd, buffers, [this](Request& done) {
      CHECK_FALSE(ended);
      CHECK(done.result() == static_cast<int>(request.data().size()));
      text += text_of(request);
      ended = !request.more();
    });
  }
  std::string text;
  bool ended = false;
  Multishot request;
};

}  // namespace

#define TEST_ON_EACH_RING(name, body)                       \
  TEST_ON_EACH_BACKEND(name) { body(options); }             \
  TEST_CASE(name " (uring, as before Linux 6.0)") {         \
    if (!why_no_uring().empty()) SKIP_TEST(why_no_uring()); \
    Options options = options_for(BackendKind::uring);      \
    options.without_multishot = true;                       \
    body(options);                                          \
  }

namespace {

void accept_all(const Options& options) {
  Callers callers(50);
  const auto before = open_descriptors();
  Multishot accepting;
  {
    GuardedLoop loop(options);
    int accepted = 0, last = 0;
    loop.accept_many(accepting, callers.listener.get(), [&](Request& done) {
      if (!accepting.more()) {
        last = done.result();
        return;
      }
      REQUIRE(done.result() >= 0);
      CHECK((::fcntl(done.result(), F_GETFD) & FD_CLOEXEC) != 0);
      loop.close_now(done.result());
      if (++accepted == 30)  // others come while it waits
        loop.set_immediate([&] {
          callers.fds.emplace_back(
              connect_to_loopback(static_cast<std::uint16_t>(port_of(callers.listener.get()))));
        });
      if (accepted == 51) accepting.cancel();
    });
    loop.run();
    CHECK(accepted == 51);
    CHECK(last == -ECANCELED);
    CHECK_FALSE(accepting.in_flight());
  }
  CHECK(open_descriptors() == before + 1);
}

void receive_all(const Options& options) {
  SocketPair pair;
  const std::string text = counted(200'000);
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 100);
  Reader reader(loop, pair.a.get(), buffers);
  Writer writer(loop, std::move(pair.b), text);
  loop.run();
  CHECK(reader.ended);
  CHECK(reader.request.result() == 0);
  CHECK(reader.text == text);
}

void share_buffers(const Options& options) {
  constexpr std::size_t kStreams = 20;
  std::vector<SocketPair> pairs(kStreams);
  GuardedLoop loop(options);
  Buffers buffers(loop, 2, 64);
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<std::unique_ptr<Writer>> writers;
  for (SocketPair& pair : pairs) {
    readers.push_back(std::make_unique<Reader>(loop, pair.a.get(), buffers));
    writers.push_back(
        std::make_unique<Writer>(loop, std::move(pair.b), counted(5000 + writers.size())));
  }
  loop.run();
  for (std::size_t i = 0; i < kStreams; ++i) {
    CHECK(readers[i]->ended);
    CHECK(readers[i]->text == writers[i]->text);
  }
}

void cancel_untold(const Options& options) {
  Callers callers(20);
  const auto before = open_descriptors();
  {
    Multishot accepting;
    GuardedLoop loop(options);
    int calls_after_last = 0, last = 1;
    loop.accept_many(accepting, callers.listener.get(), [&](Request& done) {
      calls_after_last += last < 0;
      if (done.result() >= 0) {
        loop.close_now(done.result());
        accepting.cancel();
      } else {
        last = done.result();
      }
    });
    loop.run();
    CHECK(last == -ECANCELED);
    CHECK(calls_after_last == 0);
  }
  CHECK(open_descriptors() == before);
}

void destroy_untold(const Options& options) {
  Callers callers(20);
  const auto before = open_descriptors();
  Multishot accepting;
  int calls = 0;
  {
    Loop loop(options);
    loop.accept_many(accepting, callers.listener.get(), [&](Request& done) {
      REQUIRE(done.result() >= 0);
      ++calls;
      loop.close_now(done.result());
      throw std::runtime_error("enough");
    });
    CHECK_THROWS_AS(loop.run(), std::runtime_error);
  }
  CHECK(calls == 1);
  CHECK_FALSE(accepting.in_flight());
  CHECK(open_descriptors() == before);
  // And the next loop delivers none of it.
  GuardedLoop loop(options);
  std::vector<int> results;
  loop.accept_many(accepting, callers.listener.get(), [&](Request& done) {
    results.push_back(done.result());
    if (done.result() >= 0) loop.close_now(done.result());
  });
  Timer later(loop, [&] { accepting.cancel(); });
  later.start(10ms);
  loop.run();
  CHECK(results.size() <= 20);
  CHECK(results.back() == -ECANCELED);
  CHECK(std::count_if(results.begin(), results.end(), [](int r) { return r < 0; }) == 1);
}

void throw_in_between(const Options& options) {
  SocketPair pair;
  const std::string text = counted(3000);
  REQUIRE(::write(pair.b.get(), text.data(), text.size()) == 3000);
  pair.b = UniqueFd();
  Multishot receiving;
  GuardedLoop loop(options);
  Buffers buffers(loop, 8, 50);
  std::string got;
  loop.recv_many(receiving, pair.a.get(), buffers, [&](Request&) {
    got += text_of(receiving);
    throw std::runtime_error("from a callback");
  });
  int throws = 0;
  while (receiving.in_flight()) {
    CHECK_THROWS_AS(loop.run(), std::runtime_error);
    REQUIRE(++throws < 10'000);
  }
  loop.run();
  CHECK(throws >= 61);  // for each piece and for the end
  CHECK(got == text);
}

// The end of a stream is the end; an empty datagram is a message.
void receive_empty_datagrams(const Options& options) {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
  const UniqueFd here(fds[0]), there(fds[1]);
  Multishot receiving;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 16);
  std::vector<std::string> got;
  loop.recv_many(receiving, there.get(), buffers, [&](Request& done) {
    if (!receiving.more()) return;
    CHECK(done.result() == static_cast<int>(receiving.data().size()));
    got.emplace_back(text_of(receiving));
    if (got.size() == 3) receiving.cancel();
  });
  for (const char* text : {"one", "", "three"})
    REQUIRE(::send(here.get(), text, std::strlen(text), 0) >= 0);
  loop.run();
  CHECK(got == std::vector<std::string>{"one", "", "three"});
  CHECK(receiving.result() == -ECANCELED);
}

void end_early(const Options& options) {
  const UniqueFd listener(listen_on_loopback(0));
  UniqueFd client(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
  const UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  Multishot receiving;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 100);
  std::vector<int> results;
  const Done note = [&](Request& done) {
    results.push_back(done.result());
    if (done.result() <= 0) CHECK(receiving.data().empty());
  };
  const auto receive = [&](const std::function<void()>& end) {
    loop.recv_many(receiving, server.get(), buffers, note);
    Timer later(loop, end);
    later.start(2ms);
    loop.run();
  };
  receive([&] { receiving.cancel(); });
  receive([&] { receiving.expire_after(1ms); });
  receive([&] {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client = UniqueFd();
  });
  CHECK(results == std::vector<int>{-ECANCELED, -ETIMEDOUT, -ECONNRESET});
}

void go_in_last_callback(const Options& options) {
  SocketPair pair;
  REQUIRE(::write(pair.b.get(), "text", 4) == 4);
  pair.b = UniqueFd();
  auto receiving = std::make_unique<Multishot>();
  GuardedLoop loop(options);
  auto buffers = std::make_unique<Buffers>(loop, 4, 100);
  std::string got;
  loop.recv_many(*receiving, pair.a.get(), *buffers, [&](Request&) {
    got += text_of(*receiving);
    if (receiving->more()) return;
    receiving.reset();
    buffers.reset();
  });
  loop.run();
  CHECK(got == "text");
  CHECK_FALSE(receiving);
}

void start_anew_in_last_callback(const Options& options) {
  std::vector<SocketPair> pairs(3);
  for (SocketPair& pair : pairs) {
    REQUIRE(::write(pair.b.get(), "text", 4) == 4);
    pair.b = UniqueFd();
  }
  Multishot receiving;
  GuardedLoop loop(options);
  Buffers buffers(loop, 2, 2);
  std::string got;
  std::size_t next = 0;
  std::function<void()> receive = [&] {
    loop.recv_many(receiving, pairs[next++].a.get(), buffers, [&](Request&) {
      got += text_of(receiving);
      if (!receiving.more() && next < pairs.size()) receive();
    });
  };
  receive();
  loop.run();
  CHECK(got == "texttexttext");
}

void buffers_outlive_loop(const Options& options) {
  SocketPair pair;
  Multishot receiving;
  std::unique_ptr<Buffers> buffers;
  {
    Loop loop(options);
    buffers = std::make_unique<Buffers>(loop, 3, 100);
    CHECK(buffers->count() == 4);
    loop.recv_many(receiving, pair.a.get(), *buffers, {});
    REQUIRE(::write(pair.b.get(), "text", 4) == 4);
    loop.set_immediate([&] { loop.stop(); });
    loop.run();
  }
  CHECK_FALSE(receiving.in_flight());
  buffers.reset();
}

}  // namespace

TEST_ON_EACH_RING("accept_many delivers each connection once, until it is cancelled", accept_all)
TEST_ON_EACH_RING("recv_many delivers more than its buffers hold, in order, and then the end",
                  receive_all)
TEST_ON_EACH_RING("recv_many delivers an empty datagram as a message", receive_empty_datagrams)
TEST_ON_EACH_RING("many streams share two buffers, and none loses a byte", share_buffers)
TEST_ON_EACH_RING("a cancel leaks no undelivered connections", cancel_untold)
TEST_ON_EACH_RING("a destroyed loop leaks no undelivered connections", destroy_untold)
TEST_ON_EACH_RING("recv_many ends on a cancel, on its deadline and on a reset", end_early)
TEST_ON_EACH_RING("a multishot request and its buffers may be destroyed in the last callback",
                  go_in_last_callback)
TEST_ON_EACH_RING("a multishot request may be restarted in its last callback",
                  start_anew_in_last_callback)
TEST_ON_EACH_RING("buffers may outlive their loop", buffers_outlive_loop)
TEST_ON_EACH_RING("a callback that throws between two pieces loses neither", throw_in_between)

}  // namespace timeslice::loop::test
