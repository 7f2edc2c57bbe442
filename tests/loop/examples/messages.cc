// SPDX-License-Identifier: MIT
// Example: how do messages go that have parts, and descriptors with them? sendmsg() and recvmsg()
// take what the system calls of that name take; writev() and readv() the parts alone. Here one side
// connects, and passes the other one a pipe; then it writes into it, in parts.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>

#include "loop/core/loop.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// A message of one part, with room for one descriptor.
struct Letter {
  Letter() {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  void enclose(int fd) {
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  [[nodiscard]] UniqueFd enclosed() {
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS) return UniqueFd();
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return UniqueFd(fd);
  }

  char text[1] = {'p'};
  iovec part{text, sizeof text};
  msghdr message{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
};

struct Sides {
  Request taking, joining;
  Letter sent, received;
  UniqueFd listener, server, client;
  Pipe pipe;
  UniqueFd passed;  // the pipe's reading end, as the other side has it
  char head[4] = {}, body[7] = {};
  iovec in[2] = {{head, sizeof head}, {body, sizeof body}};
  iovec out[2] = {{const_cast<char*>("head"), 4}, {const_cast<char*>("and all"), 7}};
  int read = 0;
};

void serve(Loop& loop, Sides& sides) {
  loop.accept(sides.taking, sides.listener.get(), [&](Request& accept) {
    sides.server = UniqueFd(accept.result());
    loop.recvmsg(sides.taking, sides.server.get(), &sides.received.message, [&](Request&) {
      sides.passed = sides.received.enclosed();
      loop.readv(sides.taking, sides.passed.get(), sides.in, 2, kCurrentPosition,
                 [&](Request& read) { sides.read = read.result(); });
    });
  });
}

void ask(Loop& loop, Sides& sides, const sockaddr_un& address) {
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  loop.connect(sides.joining, sides.client.get(), to, sizeof address, [&](Request&) {
    sides.sent.enclose(sides.pipe.out.get());
    loop.sendmsg(sides.joining, sides.client.get(), &sides.sent.message, [&](Request&) {
      loop.writev(sides.joining, sides.pipe.in.get(), sides.out, 2, kCurrentPosition,
                  [&](Request&) { loop.shutdown(sides.joining, sides.client.get(), SHUT_WR, {}); });
    });
  });
}

}  // namespace

TEST_ON_THOSE_WITH_THREADS("example: a descriptor is passed, and parts are written into it") {
  const TemporaryDirectory directory;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", (directory / "socket").c_str());
  Sides sides;
  sides.listener = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sides.client = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(sides.listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(sides.listener.get(), 1) == 0);
  GuardedLoop loop(options);
  serve(loop, sides);
  ask(loop, sides, address);
  loop.run();
  CHECK(sides.received.text[0] == 'p');
  CHECK(sides.read == 11);
  CHECK(std::string(sides.head, 4) + " " + std::string(sides.body, 7) == "head and all");
}

}  // namespace timeslice::loop::test
