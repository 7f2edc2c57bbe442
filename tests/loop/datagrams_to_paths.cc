// SPDX-License-Identifier: MIT
// How does a datagram wait whose receiver's queue is full? The sending socket is writable all the
// time, unless the two are connected.
#include <sys/stat.h>

#include <algorithm>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

// A receiver at a path, and what its queue holds.
struct FullQueue {
  FullQueue() {
    REQUIRE(::bind(receiver.get(), generic(address), sizeof address) == 0);
    while (::sendto(sender.get(), "x", 1, MSG_DONTWAIT, generic(address), sizeof address) == 1)
      ++count;
    REQUIRE(errno == EAGAIN);
  }
  void make_room(std::size_t messages) const {
    char byte;
    for (; messages > 0; --messages) REQUIRE(::recv(receiver.get(), &byte, 1, MSG_DONTWAIT) == 1);
  }
  TemporaryDirectory home;
  sockaddr_un address = at_path(home / "socket");
  UniqueFd receiver = make_socket(AF_UNIX, SOCK_DGRAM), sender = make_socket(AF_UNIX, SOCK_DGRAM);
  std::size_t count = 0;
};

struct Sending {
  explicit Sending(FullQueue& to) {
    message.msg_name = &to.address;
    message.msg_namelen = sizeof to.address;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
  }
  char byte = 'y';
  iovec part{&byte, 1};
  msghdr message{};
};

}  // namespace

TEST_ON_EACH_BACKEND("a datagram waits for room in its receiver's queue without busy polling") {
  FullQueue queue;
  Sending sending(queue);
  Request request;
  CountedLoop loop(options, 100);
  int result = 0;
  loop.sendmsg(request, queue.sender.get(), &sending.message,
               [&](Request& done) { result = done.result(); });
  Timer later(loop, [&] {
    CHECK(request.in_flight());
    queue.make_room(1);
  });
  later.start(100ms);
  loop.run();
  CHECK(result == 1);
}

TEST_ON_EACH_BACKEND("waiting datagrams can be ended early, and delay no others") {
  FullQueue queue;
  Sending sending(queue);
  std::vector<Request> requests(12);
  Request left_over, other;
  {
    CountedLoop loop(options, 2000);
    struct statx status {};
    std::vector<int> results;
    const Done ended = [&](Request& done) {
      results.push_back(done.result());
      if (done.result() == 1)
        for (Request& request : requests) request.cancel();
      if (done.result() != -ETIMEDOUT) return;
      loop.stat(other, "/", 0, &status, [&](Request& looked) {
        CHECK(looked.result() == 0);
        CHECK(results.size() == 1);
        queue.make_room(1);
      });
    };
    for (Request& request : requests)
      loop.sendmsg(request, queue.sender.get(), &sending.message, ended);
    requests[1].expire_after(5ms);
    loop.run();
    std::sort(results.begin(), results.end());
    std::vector<int> expected(requests.size(), -ECANCELED);
    expected.front() = -ETIMEDOUT;
    expected.back() = 1;
    std::sort(expected.begin(), expected.end());
    CHECK(results == expected);
    loop.sendmsg(left_over, queue.sender.get(), &sending.message, {});
  }
  CHECK(left_over.result() == -ECANCELED);
}

TEST_ON_EACH_BACKEND("a connected datagram socket waits until its receiver has room") {
  FullQueue queue;
  REQUIRE(::connect(queue.sender.get(), generic(queue.address), sizeof queue.address) == 0);
  Request request;
  CountedLoop loop(options, 40);
  int result = 0;
  loop.send(request, queue.sender.get(), "y", 1, [&](Request& done) { result = done.result(); });
  Timer later(loop, [&] {
    CHECK(request.in_flight());
    queue.make_room(queue.count);
  });
  later.start(50ms);
  loop.run();
  CHECK(result == 1);
}

}  // namespace timeslice::loop::test
