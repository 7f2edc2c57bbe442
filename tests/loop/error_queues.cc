// SPDX-License-Identifier: MIT
// What does an error cost that nobody fetches? A socket with a queue of them is ready for as long
// as they lie there, with nothing to receive.
#include <array>

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
  // Every second one by recvmsg().
  void start(Loop& loop, int fd, bool as_message) {
    const auto ended = [this](Request& done) { result = done.result(); };
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (as_message) return loop.recvmsg(request, fd, &message, ended);
    loop.recv(request, fd, buffer.data(), buffer.size(), ended);
  }
};

void receive_after_a_while(const Options& options) {
  ErrorQueue udp;
  Receive receive;
  CountedLoop loop(options, kFewTurns);
  receive.start(loop, udp.fd.get(), false);
  Timer later(loop, [&] {
    CHECK(receive.request.in_flight());
    udp.send_to_itself("word");
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
  Timer last(loop, [&] { udp.send_to_itself("word"); });
  loop.recv_many(receiving, udp.fd.get(), buffers, [&](Request& done) {
    words += done.result() == 4;
    if (words == 5) last.start(10ms);
    if (words == 6) receiving.cancel();
  });
  Timer later(loop, [&] {
    CHECK(words == 0);
    for (int i = 0; i < 5; ++i) udp.send_to_itself("word");
  });
  later.start(30ms);
  loop.run();
  CHECK(words == 6);
}

}  // namespace

TEST_ON_EACH_BACKEND("an error queue that nobody reads wakes nobody twice") {
  receive_after_a_while(options);
}

TEST_CASE("an error queue that nobody reads doesn't stop a simulation's time") {
  Options options = options_for(BackendKind::sim);
  options.sim.outside_world = false;
  INFO(about(BackendKind::sim));
  receive_after_a_while(options);
}

TEST_ON_EACH_BACKEND("an error queue that nobody reads doesn't keep recv_many busy") {
  receive_many(options);
}

TEST_CASE("an error queue that nobody reads doesn't keep recv_many busy (before Linux 6.0)") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options = options_for(BackendKind::uring);
  options.without_multishot = true;
  receive_many(options);
}

// More of them than there are threads, ours or the kernel's; those that began last have an end
// first.
TEST_ON_EACH_BACKEND("receives beside unread errors hold up none of their like") {
  std::vector<ErrorQueue> sockets(12);
  std::vector<Receive> receives(sockets.size());
  CountedLoop loop(options, kFewTurns + 8 * sockets.size());
  for (std::size_t i = 0; i < sockets.size(); ++i)
    receives[i].start(loop, sockets[i].fd.get(), i % 2 == 1);
  std::size_t next = sockets.size();
  Timer later(loop, [&] {
    if (next < sockets.size() && receives[next].result == 0) return;
    if (next == 0) return later.stop();
    sockets[--next].send_to_itself("word");
  });
  later.start(20ms, 1ms);
  loop.run();
  for (const Receive& receive : receives) CHECK(receive.result == 4);
}

}  // namespace timeslice::loop::test
