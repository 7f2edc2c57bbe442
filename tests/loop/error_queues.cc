// SPDX-License-Identifier: MIT
// What does an error cost that isn't fetched? A socket with a queue of them is ready for as long as
// they are there, with nothing to receive. So is one with an unread urgent byte.
#include <linux/net_tstamp.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

constexpr std::uint64_t kFewTurns = 40;

struct Receive {
  std::array<char, 4> buffer{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  Request request;
  int result = 0;
  // By one operation after the other.
  void start(Loop& loop, int fd, std::size_t number) {
    const auto ended = [this](Request& done) { result = done.result(); };
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    switch (number % 4) {
      case 0:
        return loop.recv(request, fd, buffer.data(), buffer.size(), ended);
      case 1:
        return loop.recvmsg(request, fd, &message, ended);
      case 2:
        return loop.read(request, fd, buffer.data(), buffer.size(), kCurrentPosition, ended);
      default:
        return loop.readv(request, fd, &part, 1, kCurrentPosition, ended);
    }
  }
};

// Of io_uring's, in this process: they stay for some seconds after their work.
std::ptrdiff_t kernel_workers() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return std::count_if(begin(threads), end(threads), [](const auto& thread) {
    std::ifstream name(thread.path() / "comm");
    std::string text;
    return std::getline(name, text) && text.starts_with("iou-wrk");
  });
}

void receive_after_a_while(const Options& options) {
  ErrorQueue udp;
  Receive receive;
  CountedLoop loop(options, kFewTurns);
  receive.start(loop, udp.fd.get(), 0);
  Timer later(loop, [&] {
    CHECK(receive.request.in_flight());
    send_to_itself(udp, "word");
  });
  later.start(50ms);
  loop.run();
  CHECK(receive.result == 4);
}

void receive_many(const Options& options) {
  ErrorQueue udp;
  Multishot receiving;
  CountedLoop loop(options, 2 * kFewTurns);
  Buffers buffers(loop, 1, 16);
  int words = 0;
  Timer last(loop, [&] { send_to_itself(udp, "word"); });
  loop.recv_many(receiving, udp.fd.get(), buffers, [&](Request& done) {
    words += done.result() == 4;
    if (words == 5) last.start(10ms);
    if (words == 6) receiving.cancel();
  });
  Timer later(loop, [&] {
    CHECK(words == 0);
    for (int i = 0; i < 5; ++i) send_to_itself(udp, "word");
  });
  later.start(30ms);
  loop.run();
  CHECK(words == 6);
  CHECK(kernel_workers() == 0);
}

// Sockets, and what happens to one.
struct Crowd {
  std::size_t size;
  std::function<int(std::size_t)> fd;
  std::function<void(std::size_t)> make_ready;  // until what makes it ready is read
  std::function<void(std::size_t)> send_word;
};

// More of them than there are threads, ours or the kernel's, and those that started last end first.
// They become ready when all are already waiting.
void receive_all(const Options& options, const Crowd& crowd) {
  std::vector<Receive> receives(crowd.size);
  CountedLoop loop(options, 2 * kFewTurns + 8 * crowd.size);
  for (std::size_t i = 0; i < crowd.size; ++i) receives[i].start(loop, crowd.fd(i), i);
  std::size_t made = 0, next = crowd.size;
  Timer later(loop, [&] {
    for (; made < crowd.size; ++made) crowd.make_ready(made);
  });
  later.start(10ms);
  Timer words(loop, [&] {
    if (next < crowd.size && receives[next].result == 0) return;
    if (next == 0) return words.stop();
    crowd.send_word(--next);
  });
  words.start(20ms, 1ms);
  loop.run();
  CHECK(made == crowd.size);
  CHECK(kernel_workers() == 0);
  for (const Receive& receive : receives) CHECK(transferred(options, receive.result, 4));
}

constexpr std::size_t kCrowd = 12;

// Its transmission is noted in its sender's queue.
void send_with_time(const Udp& from, const Udp& to) {
  const int what = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  REQUIRE(::setsockopt(from.fd.get(), SOL_SOCKET, SO_TIMESTAMPING, &what, sizeof what) == 0);
  REQUIRE(::sendto(from.fd.get(), "x", 1, 0, generic(to.address), sizeof to.address) == 1);
  pollfd one{from.fd.get(), 0, 0};
  REQUIRE(::poll(&one, 1, -1) == 1);
}

}  // namespace

TEST_ON_EACH_BACKEND("an unread error queue wakes no request twice") {
  receive_after_a_while(options);
}

TEST_CASE("an unread error queue doesn't stop a simulation's clock") {
  Options options = options_for(BackendKind::sim);
  options.sim.outside_world = false;
  INFO(about(BackendKind::sim));
  receive_after_a_while(options);
}

TEST_ON_EACH_BACKEND("an unread error queue doesn't keep recv_many busy") { receive_many(options); }

TEST_CASE("an unread error queue doesn't keep recv_many busy (before Linux 6.0)") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options = options_for(BackendKind::uring);
  options.without_multishot = true;
  receive_many(options);
}

TEST_ON_EACH_BACKEND("receives next to unread errors don't delay each other") {
  const std::vector<ErrorQueue> sockets(kCrowd);
  receive_all(options,
              {kCrowd, [&](std::size_t i) { return sockets[i].fd.get(); }, [](std::size_t) {},
               [&](std::size_t i) { send_to_itself(sockets[i], "word"); }});
}

TEST_ON_EACH_BACKEND(
    "receives whose socket is told later to keep errors hold up none of their like") {
  const std::vector<Udp> sockets(kCrowd);
  receive_all(options, {kCrowd, [&](std::size_t i) { return sockets[i].fd.get(); },
                        [&](std::size_t i) { get_refused(sockets[i]); },
                        [&](std::size_t i) { send_to_itself(sockets[i], "word"); }});
}

TEST_ON_EACH_BACKEND("receives next to unread send timestamps don't delay each other") {
  const std::vector<Udp> sockets(kCrowd);
  const Udp other;
  receive_all(options, {kCrowd, [&](std::size_t i) { return sockets[i].fd.get(); },
                        [&](std::size_t i) { send_with_time(sockets[i], other); },
                        [&](std::size_t i) { send_to_itself(sockets[i], "word"); }});
}

TEST_ON_EACH_BACKEND("receives next to unread urgent bytes don't delay each other") {
  const std::vector<TcpPair> pairs(kCrowd);
  const auto send = [&](std::size_t i, std::string_view text, int flags) {
    REQUIRE(::send(pairs[i].b.get(), text.data(), text.size(), flags) ==
            static_cast<ssize_t>(text.size()));
  };
  receive_all(options, {kCrowd, [&](std::size_t i) { return pairs[i].a.get(); },
                        [&](std::size_t i) { send(i, "!", MSG_OOB); },
                        [&](std::size_t i) { send(i, "word", 0); }});
}

}  // namespace timeslice::loop::test
