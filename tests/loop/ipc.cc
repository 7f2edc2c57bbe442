// SPDX-License-Identifier: MIT
// Do frames and descriptors arrive complete: in any pieces, against a full socket, from a peer that
// dies, and is garbage refused?
#include "loop/cluster/ipc.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <random>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Catch::Matchers::Contains;

struct Sent {
  std::uint16_t type;
  std::string payload;
  bool with_fd;
};

std::string bytes_of(const Sent& frame) {
  const FrameHeader header{.size = static_cast<std::uint32_t>(frame.payload.size()),
                           .type = frame.type,
                           .flags = frame.with_fd ? kFrameHasFd : std::uint16_t{0}};
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes + frame.payload;
}

std::string noise(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

std::vector<Sent> some_frames(std::mt19937& random, unsigned count) {
  const std::size_t sizes[] = {0, 1, 7, 8, 9, 300, 5'000, 70'000};
  std::vector<Sent> frames;
  while (frames.size() < count) {
    const std::size_t size =
        std::uniform_int_distribution<std::size_t>(0, sizes[random() % std::size(sizes)])(random);
    frames.push_back(
        {static_cast<std::uint16_t>(random()), noise(random, size), random() % 4 == 0});
  }
  return frames;
}

UniqueFd null_device() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

std::size_t open_count() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

void check_frame(const Frame& frame, const Sent& sent) {
  CHECK(frame.type == sent.type);
  CHECK(frame.payload == sent.payload);
  CHECK(static_cast<bool>(frame.fd) == sent.with_fd);
  CHECK_FALSE(frame.fd_lost);
}

// As the kernel splits a stream: anywhere, but not beyond the end of what came with a descriptor.
void feed_in_pieces(FrameReader& reader, const std::vector<Sent>& frames, std::mt19937& random) {
  std::string piece;
  const auto feed = [&] {
    const std::string wrong = reader.feed(piece.data(), piece.size());
    if (!wrong.empty()) FAIL(wrong);
    piece.clear();
  };
  for (const Sent& frame : frames) {
    std::string rest = bytes_of(frame);
    if (frame.with_fd) reader.add_fd(null_device());
    while (!rest.empty()) {
      const std::size_t part =
          random() % 3 == 0 ? 1 + random() % 9 : 1 + random() % (2 * rest.size());
      piece += rest.substr(0, part);
      rest.erase(0, part);
      if (!rest.empty() || frame.with_fd || random() % 2 == 0) feed();
    }
  }
  feed();
}

// A channel at one end, a bare socket at the other.
struct Half {
  explicit Half(const Options& options, const IpcLimits& limits = {})
      : channel(std::move(pair.a), limits), loop(options) {
    channel.start(loop, {.on_frame = [this](Frame& frame) { frames.push_back(std::move(frame)); },
                         .on_flushed = [this] { ++flushed; },
                         .on_end =
                             [this](IpcEnd how, const std::string& why) {
                               ended = true;
                               end = how;
                               reason = why;
                             }});
  }
  void write(const std::string& bytes) const {
    REQUIRE(::send(peer(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  void write_with_fds(const std::string& bytes, std::size_t count) const {
    const UniqueFd null = null_device();
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> control{};
    iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = null.get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
    }
    REQUIRE(::sendmsg(peer(), &message, 0) == static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] int peer() const { return pair.b.get(); }
  // Until it has ended: an ended channel holds nothing.
  void run() { loop.run(); }

  SocketPair pair;
  IpcChannel channel;
  std::vector<Frame> frames;
  int flushed = 0;
  bool ended = false;
  IpcEnd end{};
  std::string reason;
  GuardedLoop loop;
};

}  // namespace

TEST_CASE("ipc: frames are parsed correctly, however the stream is split", "[ipc]") {
  const unsigned seed = GENERATE(range(1U, 41U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<Sent> frames = some_frames(random, 60);
  FrameReader reader(100'000);
  feed_in_pieces(reader, frames, random);
  for (const Sent& sent : frames) {
    const std::optional<Frame> frame = reader.next();
    REQUIRE(frame);
    check_frame(*frame, sent);
  }
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.within_frame());
}

TEST_CASE("ipc: random bytes are refused or parsed as frames, and no descriptor leaks", "[ipc]") {
  const std::size_t before = open_count();
  for (unsigned seed = 1; seed <= 2'000; ++seed) {
    std::mt19937 random(seed);
    FrameReader reader(1'000);
    std::string wrong;
    for (int i = 0; i < 50 && wrong.empty(); ++i) {
      if (random() % 8 == 0) reader.add_fd(null_device());
      std::string bytes = noise(random, random() % 40);
      if (random() % 2 == 0)  // mostly a valid header
        bytes = bytes_of({7, bytes, random() % 4 == 0});
      wrong = reader.feed(bytes.data(), bytes.size());
      while (const std::optional<Frame> frame = reader.next())
        if (frame->payload.size() > 1'000) FAIL("seed " << seed);
    }
  }
  CHECK(open_count() == before);
}

TEST_CASE("ipc: two channels exchange frames and descriptors over small sockets", "[ipc]") {
  ON_EACH_BACKEND(options);
  const unsigned seed = GENERATE(range(1U, 6U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::size_t before = open_count();
  {
    SocketPair pair;
    const int small = 5'000;
    for (const int fd : {pair.a.get(), pair.b.get()})
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    IpcChannel a(std::move(pair.a));
    IpcChannel b(std::move(pair.b));
    GuardedLoop loop(options);
    const std::vector<Sent> to_b = some_frames(random, 150);
    const std::vector<Sent> to_a = some_frames(random, 150);
    std::size_t at_a = 0;
    std::size_t at_b = 0;
    const auto on_done = [&] {
      if (at_a < to_a.size() || at_b < to_b.size()) return;
      a.close();
      b.close();
    };
    a.start(loop, {.on_frame =
                       [&](Frame& frame) {
                         check_frame(frame, to_a.at(at_a++));
                         on_done();
                       },
                   .on_flushed = {},
                   .on_end = {}});
    b.start(loop, {.on_frame =
                       [&](Frame& frame) {
                         check_frame(frame, to_b.at(at_b++));
                         on_done();
                       },
                   .on_flushed = {},
                   .on_end = {}});
    const UniqueFd null = null_device();
    for (const Sent& sent : to_b)
      CHECK(a.send(sent.type, sent.payload, sent.with_fd ? null.get() : -1) == 0);
    for (const Sent& sent : to_a)
      CHECK(b.send(sent.type, sent.payload, sent.with_fd ? null.get() : -1) == 0);
    CHECK(a.queued_bytes() > 0);
    loop.run();
    CHECK(at_a == to_a.size());
    CHECK(at_b == to_b.size());
  }
  CHECK(open_count() == before);
}

TEST_CASE("ipc: a descriptor that was passed is the same open file", "[ipc]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  IpcChannel a(std::move(pair.a));
  IpcChannel b(std::move(pair.b));
  GuardedLoop loop(options);
  Pipe pipe;
  std::string got;
  a.start(loop, {});
  b.start(loop, {.on_frame =
                     [&](Frame& frame) {
                       CHECK((::fcntl(frame.fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
                       CHECK(::write(frame.fd.get(), "hi", 2) == 2);
                       a.close();
                       b.close();
                     },
                 .on_flushed = {},
                 .on_end = {}});
  CHECK(a.send(1, "", pipe.in.get()) == 0);
  loop.run();
  std::array<char, 8> text{};
  CHECK(::read(pipe.out.get(), text.data(), text.size()) == 2);
}

TEST_CASE("ipc: garbage ends the channel with a message", "[ipc]") {
  ON_EACH_BACKEND(options);
  Half half(options, {.max_payload = 1'000});
  half.write(bytes_of({3, "good", false}));
  SECTION("a length over the limit") {
    half.write(bytes_of({1, std::string(1'001, 'x'), false}));
    half.run();
    CHECK_THAT(half.reason, Contains("1001 bytes") && Contains("limit is 1000"));
  }
  SECTION("unknown flags") {
    std::string bytes = bytes_of({1, "x", false});
    bytes[7] = 1;
    half.write(bytes);
    half.run();
    CHECK_THAT(half.reason, Contains("unknown flags"));
  }
  SECTION("no descriptor where one was announced") {
    half.write(bytes_of({1, "x", true}));
    half.run();
    CHECK_THAT(half.reason, Contains("without the descriptor"));
  }
  SECTION("unannounced descriptors") {
    const std::size_t before = open_count();
    half.write_with_fds(bytes_of({1, "x", GENERATE(true, false)}), 8);
    half.run();
    CHECK_THAT(half.reason, Contains("belongs to no frame"));
    half.frames.clear();
    CHECK(open_count() == before - 1);  // the channel's own
  }
  CHECK(half.ended);
  CHECK(half.end == IpcEnd::garbage);
  CHECK(half.channel.closed());
  CHECK(half.channel.send(1, "x") == -EPIPE);
}

TEST_CASE("ipc: a peer's end is seen after its last frames", "[ipc]") {
  ON_EACH_BACKEND(options);
  Half half(options);
  const bool cut = GENERATE(true, false);
  half.write(bytes_of({5, "last words", false}));
  if (cut) half.write(bytes_of({6, "never ends", false}).substr(0, 12));
  CHECK(half.channel.send(1, "nobody reads this") == 0);
  half.pair.b = UniqueFd();
  { const UniqueFd closed = std::move(half.pair.b); }
  half.run();
  REQUIRE(half.frames.size() == 1);
  CHECK(half.frames[0].payload == "last words");
  CHECK(half.end == (cut ? IpcEnd::cut : IpcEnd::closed));
  CHECK_THAT(half.reason, Contains(cut ? "in the middle of a frame" : "went away"));
}

TEST_CASE("ipc: frames that can't be sent yet are queued, up to a limit", "[ipc]") {
  ON_EACH_BACKEND(options);
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  Half half(options, {.max_payload = 2 * kMiB, .max_queued = 5 * kMiB});
  CHECK(half.channel.send(1, std::string(2 * kMiB + 1, 'x')) == -EMSGSIZE);
  std::string expected;
  int result = 0;
  for (char letter = 'a'; result == 0; ++letter) {
    REQUIRE(letter <= 'z');
    const std::string payload(kMiB, letter);
    result = half.channel.send(1, payload);
    if (result == 0) expected += payload;
  }
  CHECK(result == -ENOBUFS);
  CHECK(expected.size() >= 4 * kMiB);
  CHECK(half.channel.queued_bytes() > 4 * kMiB);
  CHECK(half.flushed == 0);
  // Now the peer reads. It's the same thread: a turn of the loop, a read by the peer.
  FrameReader reader(2 * kMiB);
  Request reading;
  Hook reader_turn(half.loop, Phase::idle, [&] {
    std::array<char, 65'536> bytes;
    const ssize_t size = ::recv(half.peer(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size > 0) CHECK(reader.feed(bytes.data(), static_cast<std::size_t>(size)).empty());
    if (size <= 0 && half.channel.flushed()) half.loop.stop();
  });
  reader_turn.start();
  half.run();
  CHECK(half.flushed == 1);
  CHECK(half.channel.queued_bytes() == 0);
  std::string got;
  while (const std::optional<Frame> frame = reader.next()) got += frame->payload;
  CHECK(got == expected);
}

TEST_CASE("ipc: with an empty queue a frame is sent even if it is larger than the limit", "[ipc]") {
  ON_EACH_BACKEND(options);
  Half half(options, {.max_payload = 4096, .max_queued = 1024});
  CHECK(half.channel.send(1, std::string(4096, 'x')) == 0);
}

TEST_CASE("ipc: without a free descriptor number the frame arrives and says so", "[ipc]") {
  ON_EACH_BACKEND(options);
  Half half(options);
  half.write_with_fds(bytes_of({1, "a", true}), 1);
  rlimit former{};
  ::getrlimit(RLIMIT_NOFILE, &former);
  const UniqueFd lowest_free = null_device();
  const rlimit none{static_cast<rlim_t>(lowest_free.get()), former.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  half.channel.read_now();
  ::setrlimit(RLIMIT_NOFILE, &former);
  half.write_with_fds(bytes_of({2, "b", true}), 1);
  half.channel.read_now();
  REQUIRE(half.frames.size() == 2);
  CHECK(half.frames[0].fd_lost);
  CHECK_FALSE(half.frames[1].fd_lost);
  CHECK(half.frames[1].fd);
}

TEST_CASE("ipc: a handler may close the channel, or throw", "[ipc]") {
  ON_EACH_BACKEND(options);
  SocketPair pair;
  IpcChannel channel(std::move(pair.a));
  GuardedLoop loop(options);
  std::vector<std::uint16_t> seen;
  const bool throws = GENERATE(true, false);
  channel.start(loop, {.on_frame =
                           [&](Frame& frame) {
                             seen.push_back(frame.type);
                             if (throws && frame.type == 1) throw std::runtime_error("one");
                             if (!throws || frame.type == 3) channel.close();
                           },
                       .on_flushed = {},
                       .on_end = {}});
  const std::string bytes =
      bytes_of({1, "x", false}) + bytes_of({2, "y", false}) + bytes_of({3, "z", false});
  REQUIRE(::send(pair.b.get(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  if (throws) {
    CHECK_THROWS_WITH(loop.run(), "one");
    ::shutdown(pair.b.get(), SHUT_WR);  // wakes it
  }
  loop.run();
  CHECK(seen == (throws ? std::vector<std::uint16_t>{1, 2, 3} : std::vector<std::uint16_t>{1}));
}

}  // namespace timeslice::loop::test
