// SPDX-License-Identifier: MIT
// Does all that is written arrive, in order, in bounded memory, whatever the peer does meanwhile?
// And is the owner called back exactly once at the end?
#include "loop/io/stream.h"

#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>

#include <algorithm>
#include <csignal>
#include <list>
#include <memory>
#include <optional>
#include <random>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

static_assert(sizeof(Stream) <= 700);

// The byte at a position of an endless stream whose period is long.
std::byte byte_at(std::size_t position) {
  return static_cast<std::byte>((position * 0x9e3779b97f4a7c15U) >> 56);
}

std::string bytes_from(std::size_t position, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(byte_at(position++));
  return bytes;
}

// Notes its callbacks, and does what a case wants.
struct Peer : Stream::Owner {
  void on_data(Stream&, std::span<std::byte> data) override {
    late += closes > 0 || ends > 0 || stream.paused();
    for (const std::byte byte : data) wrong += byte != byte_at(received++);
    if (data_told) data_told(data);
  }
  void on_end(Stream& ended) override {
    late += closes > 0 || stream.paused();
    ++ends;
    if (end_told)
      end_told();
    else
      Owner::on_end(ended);
  }
  void on_written(Stream&) override {
    late += closes > 0;
    if (stream.write_queue_size() == 0) kept.clear();
    if (written_told) written_told();
  }
  void on_drain(Stream& drained) override {
    ++drains;
    Owner::on_drain(drained);
    if (drain_told) drain_told();
  }
  void on_close(Stream&, int error) override {
    ++closes;
    result = error;
    if (close_told) close_told();
  }

  // Writes the endless stream's next bytes.
  bool write(std::size_t size) {
    std::string bytes = bytes_from(written, size);
    const bool good = keeps ? stream.write_in_place(kept.emplace_back(std::move(bytes)))
                            : stream.write(std::move(bytes));
    written += size;
    longest_queue = std::max(longest_queue, stream.write_queue_size());
    return good;
  }

  std::function<void(std::span<std::byte>)> data_told;
  Task end_told, written_told, drain_told, close_told;
  std::size_t received = 0;
  std::size_t written = 0;
  std::size_t longest_queue = 0;
  std::size_t wrong = 0;
  int late = 0;  // callbacks that should not have come any more
  int ends = 0;
  int drains = 0;
  int closes = 0;
  std::optional<int> result;
  bool keeps = false;           // what it writes itself, until the stream is done with it
  std::list<std::string> kept;  // then
  Stream stream;
};

bool is_closed(int fd) { return ::fcntl(fd, F_GETFD) < 0; }

std::size_t unread(int fd) {
  int size = 0;
  ::ioctl(fd, FIONREAD, &size);
  return static_cast<std::size_t>(size);
}

}  // namespace

TEST_CASE("64 MiB go through a stream to a slow reader, in order and in bounded memory",
          "[stream]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kAll = 64 << 20;
  constexpr std::size_t kPiece = 50'000;
  SocketPair pair;
  Peer writer, reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 16 << 10);
  const StreamOptions marks{.high_water = 256 << 10, .low_water = 64 << 10};
  writer.stream.open(loop, pair.a.release(), &buffers, writer, marks);
  reader.stream.open(loop, pair.b.release(), &buffers, reader);
  const Task write_on = [&] {
    while (writer.written < kAll)
      if (!writer.write(std::min(kPiece, kAll - writer.written))) return;
    writer.stream.finish();
  };
  std::size_t until_pause = 0;
  reader.data_told = [&](std::span<std::byte> data) {
    until_pause += data.size();
    if (until_pause < (1 << 20)) return;
    until_pause = 0;
    reader.stream.pause();
    loop.set_immediate([&] { loop.set_immediate([&] { reader.stream.resume(); }); });
  };
  writer.drain_told = write_on;
  write_on();
  loop.run();
  CHECK(reader.received == kAll);
  CHECK(reader.wrong == 0);
  CHECK(writer.longest_queue > marks.high_water);
  CHECK(writer.longest_queue <= marks.high_water + kPiece);
  CHECK(writer.drains > 10);
  CHECK(reader.ends == 1);
  CHECK(reader.late + writer.late == 0);
  CHECK(writer.result == 0);
  CHECK(reader.result == 0);
}

TEST_CASE("a paused stream delivers nothing, and everything after it's resumed", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer writer, reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 1024);
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  reader.stream.open(loop, pair.b.release(), &buffers, reader);
  reader.data_told = [&](std::span<std::byte>) {
    if (reader.received < 100'000) reader.stream.pause();
  };
  Timer later(loop, [&] { reader.stream.resume(); });
  later.start(1ms, 1ms);
  reader.close_told = [&] { later.stop(); };
  for (int i = 0; i < 100; ++i) writer.write(1000);
  writer.stream.finish();
  loop.run();
  CHECK(reader.received == 100'000);
  CHECK(reader.wrong == 0);
  CHECK(reader.late == 0);
  CHECK(reader.ends == 1);
}

TEST_CASE("a pause before the first data holds back data and end", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 1024);
  reader.stream.open(loop, pair.b.release(), GENERATE(false, true) ? &buffers : nullptr, reader);
  reader.stream.pause();
  const std::string bytes = bytes_from(0, 3000);
  REQUIRE(::write(pair.a.get(), bytes.data(), bytes.size()) == 3000);
  pair.a = UniqueFd();
  Timer later(loop, [&] {
    CHECK(reader.received == 0);
    CHECK(reader.ends == 0);
    reader.stream.resume();
    reader.stream.pause();
    reader.stream.resume();
  });
  later.start(2ms);
  loop.run();
  CHECK(reader.received == 3000);
  CHECK(reader.wrong == 0);
  CHECK(reader.ends == 1);
  CHECK(reader.closes == 1);
}

TEST_CASE("what one callback writes is sent together, even more than 64 pieces", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer writer, reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 16 << 10);
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  reader.stream.open(loop, pair.b.release(), &buffers, reader);
  for (std::size_t i = 0; i < 1000; ++i) writer.write(i % 7);
  writer.stream.finish();
  loop.run();
  CHECK(reader.received == writer.written);
  CHECK(reader.wrong == 0);
  // 16 messages, their pieces, and a few more; not a send for each of 1000.
  CHECK(loop.counters().events < 200);
}

TEST_CASE("a buffer written in place may be reused when the queue is empty, not before",
          "[stream]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kSize = 100'000;
  SocketPair pair;
  const int small = 4096;  // the kernel's own buffer, so that sends are short
  ::setsockopt(pair.a.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Peer writer, reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 4096);
  std::string buffer(kSize, '\0');
  std::size_t last_left = 0;
  const auto write_on = [&] {
    buffer = bytes_from(writer.written, kSize);  // the same memory
    writer.stream.write_in_place(std::string_view(buffer).substr(0, kSize / 2));
    writer.stream.write_in_place(std::string_view(buffer).substr(kSize / 2));
    writer.stream.hurry();
    writer.written += kSize;
    last_left = writer.stream.write_queue_size();
  };
  writer.written_told = [&] {
    const std::size_t left = writer.stream.write_queue_size();
    CHECK(left < last_left);
    last_left = left;
    if (left > 0) return;
    writer.written < 5 * kSize ? write_on() : writer.stream.finish();
  };
  writer.stream.open(loop, pair.a.release(), &buffers, writer, {.high_water = 2 * kSize});
  reader.stream.open(loop, pair.b.release(), &buffers, reader);
  write_on();
  loop.run();
  CHECK(reader.received == 5 * kSize);
  CHECK(reader.wrong == 0);
  CHECK(writer.drains == 0);
}

// Once the loop is at rest: nothing else happens that would make it notice.
TEST_CASE("what was hurried is confirmed once it is sent, even without an answer", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer writer;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 4096);
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  int told = 0;
  writer.written_told = [&] {
    if (writer.stream.write_queue_size() > 0) return;
    ++told;
    writer.stream.close();
  };
  Timer write(loop, [&] {
    writer.write(10);
    writer.stream.hurry();
  });
  write.start(10ms);
  loop.run();
  CHECK(told == 1);
  CHECK(unread(pair.b.get()) == 10);
}

TEST_CASE("a peer's reset during a write closes the stream once, with the error", "[stream]") {
  ON_EACH_BACKEND(options);
  TcpPair pair;
  Peer writer;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 16 << 10);
  const int fd = pair.a.get();
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  writer.write(64 << 20);
  Timer later(loop, [&] {
    CHECK(writer.stream.write_queue_size() > 0);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    pair.b = UniqueFd();
  });
  later.start(5ms);
  loop.run();
  CHECK(writer.closes == 1);
  REQUIRE(writer.result);
  CHECK((*writer.result == -ECONNRESET || *writer.result == -EPIPE));
  CHECK(writer.ends == 0);
  CHECK(writer.stream.write_queue_size() == 0);
  CHECK_FALSE(writer.stream.write("more"));
  CHECK(is_closed(fd));
}

TEST_CASE("a close drops what is queued, and calls back once", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer writer;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 16 << 10);
  const int fd = pair.a.get();
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  CHECK_FALSE(writer.write(16 << 20));
  Timer later(loop, [&] {
    if (unread(pair.b.get()) == 0) return;
    later.stop();
    writer.stream.close();
    CHECK(writer.closes == 0);  // never from within
    writer.stream.close();
    CHECK_FALSE(writer.stream.write("more"));
  });
  later.start(1ms, 1ms);
  loop.run();
  CHECK(writer.closes == 1);
  CHECK(writer.result == 0);
  CHECK(writer.stream.write_queue_size() == 0);
  CHECK(unread(pair.b.get()) > 0);
  CHECK(is_closed(fd));
}

TEST_CASE("a stream may be closed in each of its callbacks, and destroyed in the last",
          "[stream]") {
  ON_EACH_BACKEND(options);
  const int where = GENERATE(0, 1, 2, 3);
  const bool shared = GENERATE(true, false);
  SocketPair pair;
  auto peer = std::make_unique<Peer>();
  Peer& closer = *peer;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 16 << 10);
  const Task close = [&] { closer.stream.close(); };
  int closes = 0;
  if (where == 0) closer.data_told = [&](std::span<std::byte>) { close(); };
  if (where == 1) closer.drain_told = close;
  if (where == 2) closer.end_told = close;
  if (where == 3) loop.next_tick(close);
  closer.close_told = [&] {
    ++closes;
    CHECK(closer.closes == 1);
    CHECK(closer.late == 0);
    peer.reset();
  };
  closer.stream.open(loop, pair.a.release(), shared ? &buffers : nullptr, closer,
                     {.high_water = 1000, .low_water = 10});
  if (where == 1) closer.write(5000);
  const std::string bytes = bytes_from(0, 3000);
  if (where == 0) REQUIRE(::write(pair.b.get(), bytes.data(), bytes.size()) == 3000);
  if (where == 2) ::shutdown(pair.b.get(), SHUT_WR);
  loop.run();
  CHECK(closes == 1);
  CHECK(peer == nullptr);
}

TEST_CASE("a thousand streams share 16 buffers", "[stream]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kStreams = 1000;
  constexpr std::size_t kEach = 5000;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::vector<Peer> askers(kStreams), echoes(kStreams);
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 4096);
  for (std::size_t i = 0; i < kStreams; ++i) {
    SocketPair pair;
    Peer& echo = echoes[i];
    Peer& asker = askers[i];
    echo.data_told = [&](std::span<std::byte> data) { echo.write(data.size()); };
    asker.data_told = [&](std::span<std::byte>) {
      if (asker.received == kEach) asker.stream.finish();
    };
    asker.stream.open(loop, pair.a.release(), &buffers, asker);
    echo.stream.open(loop, pair.b.release(), &buffers, echo);
    asker.write(kEach);
  }
  loop.run();
  const auto right = [](const Peer& peer) {
    return peer.received == kEach && peer.wrong == 0 && peer.closes == 1 && peer.result == 0;
  };
  CHECK(std::count_if(askers.begin(), askers.end(), right) == kStreams);
  CHECK(std::count_if(echoes.begin(), echoes.end(), right) == kStreams);
}

TEST_CASE("after a shutdown the other direction stays open, and the end of both closes it",
          "[stream]") {
  ON_EACH_BACKEND(options);
  TcpPair pair;
  Peer asker, answerer;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 4096);
  asker.stream.open(loop, pair.a.release(), &buffers, asker);
  answerer.stream.open(loop, pair.b.release(), &buffers, answerer);
  asker.end_told = [] {};
  answerer.end_told = [&] {
    CHECK(answerer.received == 200'000);
    answerer.write(100'000);
    answerer.stream.shutdown();
  };
  asker.write(200'000);
  asker.stream.shutdown();
  CHECK_FALSE(asker.stream.write("more"));
  loop.run();
  CHECK(asker.received == 100'000);
  CHECK(asker.closes + answerer.closes == 2);
  CHECK(asker.result == 0);
  CHECK(answerer.result == 0);
}

TEST_CASE("a pipe carries a stream each way, and its reader's close is EPIPE", "[stream]") {
  ON_EACH_BACKEND(options);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe, broken;
  Peer writer, reader, loser;
  GuardedLoop loop(options);
  writer.stream.open(loop, pipe.in.release(), nullptr, writer, {.high_water = 4096});
  reader.stream.open(loop, pipe.out.release(), nullptr, reader);
  loser.stream.open(loop, broken.in.release(), nullptr, loser);
  const Task write_on = [&] {
    while (writer.written < (1 << 20))
      if (!writer.write(777)) return;
    writer.stream.shutdown();
  };
  writer.drain_told = write_on;
  write_on();
  broken.out = UniqueFd();
  loser.write(10);
  loop.run();
  CHECK(reader.received == writer.written);
  CHECK(reader.wrong == 0);
  CHECK(reader.ends == 1);
  CHECK(writer.ends == 0);
  CHECK(reader.result == 0);
  CHECK(writer.result == 0);
  CHECK(loser.result == -EPIPE);
  std::signal(SIGPIPE, before);
}

TEST_CASE("a stream to a full file ends with the error, and the file has what was written before",
          "[stream]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kPiece = 1 << 20, kRoom = 2 * kPiece + kPiece / 2 + 5;
  const FileSizeLimit limit(kRoom);
  const UniqueFd file = temporary_file("");
  std::string all;
  for (char letter = 'A'; letter <= 'H'; ++letter) all += std::string(kPiece, letter);
  Peer writer;
  GuardedLoop loop(options);
  writer.stream.open(loop, ::dup(file.get()), nullptr, writer);
  SECTION("in one piece") { writer.stream.write(all); }
  SECTION("in many") {
    for (std::size_t at = 0; at < all.size(); at += kPiece)
      writer.stream.write(all.substr(at, kPiece));
  }
  writer.stream.finish();
  loop.run();
  CHECK(writer.result == -EFBIG);
  const std::string content = content_of(file.get());
  const auto differs =
      std::mismatch(content.begin(), content.end(), all.begin(), all.end()).first - content.begin();
  CAPTURE(loop.backend_name(), content.size(), differs);
  CHECK((content == all.substr(0, kRoom)));
}

TEST_CASE("a terminal carries a stream, and a hang-up ends it", "[stream]") {
  ON_EACH_BACKEND(options);
  int fds[2];
  termios raw{};
  ::cfmakeraw(&raw);
  REQUIRE(::openpty(&fds[0], &fds[1], nullptr, &raw, nullptr) == 0);
  Peer master, slave;
  GuardedLoop loop(options);
  master.stream.open(loop, fds[0], nullptr, master);
  slave.stream.open(loop, fds[1], nullptr, slave);
  slave.data_told = [&](std::span<std::byte> data) { slave.write(data.size()); };
  master.data_told = [&](std::span<std::byte>) {
    if (master.received == 20'000) slave.stream.finish();
  };
  for (int i = 0; i < 20; ++i) master.write(1000);
  loop.run();
  CHECK(master.received == 20'000);
  CHECK(slave.received == 20'000);
  CHECK(master.wrong + slave.wrong == 0);
  CHECK(master.ends == 1);
  CHECK(master.result == 0);
  CHECK(slave.result == 0);
}

// False: the machine stalled for so long that the result means nothing.
static bool ends_the_idle_one_only(const Options& options, Nanoseconds limit) {
  SocketPair quiet, lively;
  Peer idle, talker, listener;
  GuardedLoop loop(options);
  Buffers buffers(loop, 16, 4096);
  const StreamOptions limited{.idle_timeout = limit};
  idle.stream.open(loop, quiet.a.release(), &buffers, idle, limited);
  talker.stream.open(loop, lively.a.release(), &buffers, talker, limited);
  listener.stream.open(loop, lively.b.release(), &buffers, listener, limited);
  auto last = std::chrono::steady_clock::now();
  Nanoseconds longest_pause{0};
  Timer beat(loop, [&] {
    const auto now = std::chrono::steady_clock::now();
    longest_pause = std::max<Nanoseconds>(longest_pause, now - std::exchange(last, now));
    if (idle.closes > 0) return talker.stream.finish();
    talker.write(1);
  });
  beat.unref();
  beat.start(1ms, 1ms);
  const Nanoseconds before = loop.now();
  Nanoseconds taken{0};
  idle.close_told = [&] { taken = loop.now() - before; };
  loop.run();
  CHECK(idle.result == -ETIMEDOUT);
  CHECK(taken >= limit);
  if (longest_pause > limit / 2) return false;
  CHECK(talker.result == 0);
  CHECK(listener.result == 0);
  CHECK(listener.received == talker.written);
  return true;
}

TEST_CASE("an idle stream is closed after its time limit, a busy one isn't", "[stream]") {
  ON_EACH_BACKEND(options);
  // If the machine stalls for as long as the limit, the busy one was idle as well: then a longer
  // limit is tried.
  Nanoseconds limit = 40ms;
  while (!ends_the_idle_one_only(options, limit)) {
    limit *= 2;
    REQUIRE(limit < 10s);
  }
}
TEST_CASE("streams whose loop is destroyed still close their descriptors", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  const int fd = pair.a.get();
  {
    Peer peer;
    Peer resting;
    SocketPair other;
    {
      Loop loop(options);
      Buffers buffers(loop, 4, 4096);
      peer.stream.open(loop, pair.a.release(), &buffers, peer);
      resting.stream.open(loop, other.a.release(), &buffers, resting, {.idle_timeout = 1h});
      resting.stream.pause();
      peer.write(16 << 20);
      loop.set_immediate([&] { loop.stop(); });
      if (GENERATE(true, false)) loop.run();
    }
    CHECK(peer.closes == 0);
    CHECK_FALSE(is_closed(fd));
  }
  CHECK(is_closed(fd));
}

TEST_CASE("a callback that throws ends the run, and the stream goes on in the next", "[stream]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  Peer writer, reader;
  GuardedLoop loop(options);
  Buffers buffers(loop, 4, 1024);
  writer.stream.open(loop, pair.a.release(), &buffers, writer);
  reader.stream.open(loop, pair.b.release(), GENERATE(true, false) ? &buffers : nullptr, reader);
  int thrown = 0;
  reader.data_told = [&](std::span<std::byte>) {
    if (++thrown <= 3) throw std::runtime_error("thrown by on_data");
  };
  writer.write(300'000);
  writer.stream.finish();
  for (int i = 0; i < 3; ++i) CHECK_THROWS_WITH(loop.run(), "thrown by on_data");
  loop.run();
  CHECK(reader.received == 300'000);
  CHECK(reader.wrong == 0);
  CHECK(reader.closes + writer.closes == 2);
}

namespace {

// Two peers that talk both ways and pause as the seed wants, on a simulated loop.
struct Schedule {
  explicit Schedule(std::uint64_t seed) : random(seed) {}
  std::size_t below(std::size_t limit) { return random() % limit; }

  // Writes some more, until all is written; the rest follows when there's room.
  void write_on(Peer& peer) {
    while (peer.written < kAll) {
      const bool room = peer.write(std::min(1 + below(3000), kAll - peer.written));
      if (!room) return;
      if (below(4) == 0) return loop->set_immediate([this, &peer] { write_on_if_room(peer); });
    }
    peer.stream.shutdown();
  }
  void write_on_if_room(Peer& peer) {
    if (!peer.stream.needs_drain()) write_on(peer);
  }
  void set_up(Peer& peer, int fd, Buffers* buffers) {
    peer.keeps = below(2) == 0;
    peer.drain_told = [this, &peer] { write_on(peer); };
    peer.end_told = [] {};
    peer.data_told = [this, &peer](std::span<std::byte>) {
      if (below(3) != 0) return;
      peer.stream.pause();
      const auto resume = [&peer] { peer.stream.resume(); };
      if (below(2) == 0)
        loop->set_immediate(resume);
      else
        loop->set_immediate([this, resume] { loop->set_immediate(resume); });
    };
    peer.stream.open(*loop, fd, buffers, peer,
                     {.high_water = 4096, .low_water = static_cast<std::uint32_t>(below(4096))});
    write_on(peer);
  }
  static bool complete(const Peer& peer) {
    return peer.received == kAll && peer.wrong == 0 && peer.late == 0 && peer.ends == 1 &&
           peer.closes == 1 && peer.result == 0 && peer.longest_queue <= 4096 + 3000;
  }
  bool run(std::uint64_t seed) {
    Options options;
    options.backend = BackendKind::sim;
    options.sim.seed = seed;
    Loop simulated(options);
    loop = &simulated;
    Buffers buffers(simulated, 1U << below(3), 1 + below(2000));
    SocketPair pair;
    const int small = 2048;  // the kernel's own buffer, so that sends are short
    ::setsockopt(pair.a.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    set_up(a, pair.a.release(), &buffers);
    set_up(b, pair.b.release(), below(4) == 0 ? nullptr : &buffers);
    simulated.run();
    return complete(a) && complete(b);
  }

  static constexpr std::size_t kAll = 20'000;
  std::mt19937_64 random;
  Loop* loop = nullptr;
  Peer a, b;
};

// As above, but one side closes in the middle.
struct CloseInTheMiddle : Schedule {
  using Schedule::Schedule;
  bool run(std::uint64_t seed) {
    const std::size_t when = below(Schedule::kAll);
    Peer& closer = below(2) == 0 ? a : b;
    closer.close_told = [&] { closed = true; };
    const auto check = [this, when, &closer](std::span<std::byte>) {
      if (a.received + b.received > when) closer.stream.close();
    };
    Options options;
    options.backend = BackendKind::sim;
    options.sim.seed = seed;
    Loop simulated(options);
    loop = &simulated;
    Buffers buffers(simulated, 2, 1000);
    SocketPair pair;
    set_up(a, pair.a.release(), &buffers);
    set_up(b, pair.b.release(), &buffers);
    a.data_told = b.data_told = check;
    a.end_told = [this] { a.stream.finish(); };
    b.end_told = [this] { b.stream.finish(); };
    simulated.run();
    return closed && a.closes == 1 && b.closes == 1 && a.wrong + b.wrong == 0 &&
           a.late + b.late == 0;
  }
  bool closed = false;
};

template <typename Kind>
void check_schedules(std::uint64_t count) {
  const std::uint64_t first = std::random_device{}();
  std::uint64_t seed = first;
  for (; seed < first + count; ++seed)
    if (!Kind(seed).run(seed)) break;
  INFO("the schedule of seed " << seed);
  CHECK(seed == first + count);
}

}  // namespace

// Ten thousand in four cases, as each has a limit of time, which a busy machine and a sanitizer use
// up together.
TEST_CASE("in 2500 simulated schedules nothing is lost or delivered twice (1 of 4)", "[stream]") {
  check_schedules<Schedule>(2500);
}
TEST_CASE("in 2500 simulated schedules nothing is lost or delivered twice (2 of 4)", "[stream]") {
  check_schedules<Schedule>(2500);
}
TEST_CASE("in 2500 simulated schedules nothing is lost or delivered twice (3 of 4)", "[stream]") {
  check_schedules<Schedule>(2500);
}
TEST_CASE("in 2500 simulated schedules nothing is lost or delivered twice (4 of 4)", "[stream]") {
  check_schedules<Schedule>(2500);
}

TEST_CASE("in ten thousand simulated schedules a close in the middle ends both sides", "[stream]") {
  check_schedules<CloseInTheMiddle>(10'000);
}

}  // namespace timeslice::loop::test
