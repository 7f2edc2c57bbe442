// SPDX-License-Identifier: MIT
// Do TCP, unix and UDP sockets connect, talk, close and fail as their system calls do?
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

UniqueFd listen_at(const sockaddr_un& address, int backlog) {
  UniqueFd fd = make_socket(AF_UNIX);
  REQUIRE(::bind(fd.get(), generic(address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), backlog) == 0);
  return fd;
}

// A message of one part, with room for an address and for a descriptor.
struct Message {
  explicit Message(std::size_t size) : text(size, '?') {
    part = {text.data(), text.size()};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
  }
  void address_to(const sockaddr_in& to) {
    address = to;
    with_address();
  }
  void with_address() {
    header.msg_name = &address;
    header.msg_namelen = sizeof address;
  }
  void with_control() {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  std::string text;
  sockaddr_in address{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{};
  msghdr header{};
};

// Both ends of a TCP connection.
// As perform(), while other requests wait.
int perform_beside(Loop& loop, const Operation& operation) {
  Request request;
  int result = 0;
  loop.start(request, operation, [&](Request& done) {
    result = done.result();
    loop.stop();
  });
  loop.run();
  return result;
}

// Fills the buffer, then takes all that is there.
void fill(const UniqueFd& fd) {
  const std::string chunk(4096, 'x');
  while (::send(fd.get(), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
  }
}

void drain(const UniqueFd& fd) {
  std::string chunk(1 << 16, '?');
  while (::recv(fd.get(), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
  }
}

void linger_for(const UniqueFd& fd, int seconds) {
  const linger how{.l_onoff = 1, .l_linger = seconds};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &how, sizeof how) == 0);
}

void reset_connection(UniqueFd& fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  fd = UniqueFd();
}

}  // namespace

TEST_ON_EACH_BACKEND(
    "a TCP connection is made, used in both directions, and closed one side at a time") {
  options.sim.faults = false;
  const UniqueFd listener(listen_on_loopback(0)), client = make_socket(AF_INET);
  const sockaddr_in address = loopback(port_of(listener.get()));
  Request accepting;
  GuardedLoop loop(options);
  int server = -1;
  loop.accept(accepting, listener.get(), [&](Request& done) { server = done.result(); });
  CHECK(perform(loop, operations::connect(client.get(), generic(address),
                                          static_cast<socklen_t>(sizeof address))) == 0);
  REQUIRE(server >= 0);
  CHECK((::fcntl(server, F_GETFD) & FD_CLOEXEC) != 0);
  std::array<char, 16> buffer{};
  CHECK(perform(loop, operations::send(client.get(), "question", 8, 0)) == 8);
  CHECK(perform(loop, operations::shutdown(client.get(), SHUT_WR)) == 0);
  CHECK(perform(loop, operations::recv(server, buffer.data(), buffer.size())) == 8);
  CHECK(perform(loop, operations::recv(server, buffer.data(), buffer.size())) == 0);
  CHECK(perform(loop, operations::send(client.get(), "more", 4, 0)) == -EPIPE);
  CHECK(perform(loop, operations::send(server, "answer", 6, kLazy)) == 6);
  CHECK(perform(loop, operations::recv(client.get(), buffer.data(), buffer.size())) == 6);
  CHECK(std::string(buffer.data(), 6) == "answer");
  loop.close_now(server);
  CHECK(perform(loop, operations::recv(client.get(), buffer.data(), buffer.size())) == 0);
}

TEST_ON_EACH_BACKEND(
    "without a listener a connection is refused, by TCP, at a path and at a missing path") {
  const TemporaryDirectory home;
  const sockaddr_un path = at_path(home / "socket"), none = at_path(home / "none");
  int port = 0;
  {
    const UniqueFd gone(listen_on_loopback(0)), bound = listen_at(path, 1);
    port = port_of(gone.get());
  }
  const sockaddr_in address = loopback(port);
  const UniqueFd tcp = make_socket(AF_INET), local = make_socket(AF_UNIX);
  GuardedLoop loop(options);
  CHECK(perform(loop, operations::connect(tcp.get(), generic(address), sizeof address)) ==
        -ECONNREFUSED);
  CHECK(perform(loop, operations::connect(local.get(), generic(path), sizeof path)) ==
        -ECONNREFUSED);
  CHECK(perform(loop, operations::connect(local.get(), generic(none), sizeof none)) == -ENOENT);
}

TEST_ON_EACH_BACKEND(
    "a connect that must wait delays no others, and completes when there is room") {
  const UniqueFd listener(listen_on_loopback(0, 0)), client = make_socket(AF_INET);
  const sockaddr_in address = loopback(port_of(listener.get()));
  const UniqueFd first(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
  Request connecting;
  GuardedLoop loop(options);
  int result = 1;
  loop.connect(connecting, client.get(), generic(address), sizeof address,
               [&](Request& done) { result = done.result(); });
  UniqueFd accepted;
  Timer later(loop, [&] {  // the queue of one was full until now; TCP retries after a second
    CHECK(connecting.in_flight());
    accepted = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  });
  later.start(20ms);
  loop.run();
  CHECK(result == 0);
}

TEST_ON_EACH_BACKEND("a waiting connect can be cancelled, or times out") {
  const UniqueFd listener(listen_on_loopback(0, 0));
  const sockaddr_in address = loopback(port_of(listener.get()));
  const UniqueFd first(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
  const UniqueFd a = make_socket(AF_INET), b = make_socket(AF_INET);
  std::vector<Request> requests(2);
  GuardedLoop loop(options);
  std::vector<int> results(2);
  loop.connect(requests[0], a.get(), generic(address), sizeof address,
               [&](Request& done) { results[0] = done.result(); });
  loop.connect(requests[1], b.get(), generic(address), sizeof address,
               [&](Request& done) { results[1] = done.result(); });
  requests[1].expire_after(5ms);
  Timer later(loop, [&] { requests[0].cancel(); });
  later.start(5ms);
  loop.run();
  CHECK(results == std::vector<int>{-ECANCELED, -ETIMEDOUT});
}

TEST_ON_EACH_BACKEND("a connect to a path waits for room in the listener's queue") {
  const TemporaryDirectory home;
  const sockaddr_un address = at_path(home / "socket");
  const UniqueFd listener = listen_at(address, 0);
  std::vector<UniqueFd> clients;
  std::vector<Request> requests(3);
  GuardedLoop loop(options);
  int connected = 0;
  for (Request& request : requests) {
    clients.push_back(make_socket(AF_UNIX));
    loop.connect(request, clients.back().get(), generic(address), sizeof address,
                 [&](Request& done) { connected += done.result() == 0; });
  }
  Multishot accepting;
  int accepted = 0;
  Timer later(loop, [&] {
    CHECK(connected < 3);
    loop.accept_many(accepting, listener.get(), [&](Request& done) {
      if (done.result() < 0) return;
      loop.close_now(done.result());
      if (++accepted == 3) accepting.cancel();
    });
  });
  later.start(10ms);
  loop.run();
  CHECK(connected == 3);
  CHECK(accepted == 3);
}

// More of them than there are threads, ours or the kernel's, and a file beside them.
TEST_ON_EACH_BACKEND("waiting connects to a path can be ended early, and delay no others") {
  const TemporaryDirectory home;
  const sockaddr_un address = at_path(home / "socket");
  const UniqueFd listener = listen_at(address, 0), first = make_socket(AF_UNIX);
  REQUIRE(::connect(first.get(), generic(address), sizeof address) == 0);
  std::vector<UniqueFd> clients;
  std::vector<Request> requests(12);
  Request left_over;
  {
    GuardedLoop loop(options);
    std::vector<int> results;
    for (Request& request : requests) {
      clients.push_back(make_socket(AF_UNIX));
      loop.connect(request, clients.back().get(), generic(address), sizeof address,
                   [&](Request& done) { results.push_back(done.result()); });
    }
    requests[0].expire_after(1h);
    requests[1].expire_after(5ms);
    struct statx status {};
    CHECK(perform_beside(loop, operations::stat(AT_FDCWD, "/", 0, &status)) == 0);
    CHECK(results.size() <= 1);
    Timer later(loop, [&] {
      for (Request& request : requests)
        if (&request != &requests[1]) request.cancel();
    });
    later.start(20ms);
    loop.run();
    std::sort(results.begin(), results.end());
    std::vector<int> expected(requests.size(), -ECANCELED);
    expected.back() = -ETIMEDOUT;
    std::sort(expected.begin(), expected.end());
    CHECK(results == expected);
    loop.connect(left_over, clients.back().get(), generic(address), sizeof address, {});
  }
  CHECK(left_over.result() == -ECANCELED);
}

TEST_ON_EACH_BACKEND("a reset fails a connection's reader right away, then its writer") {
  TcpPair pair;
  std::array<char, 4> buffer{};
  Request receiving;
  GuardedLoop loop(options);
  int result = 0;
  loop.recv(receiving, pair.a.get(), buffer.data(), buffer.size(),
            [&](Request& done) { result = done.result(); });
  loop.set_immediate([&] {
    CHECK(receiving.in_flight());
    reset_connection(pair.b);
  });
  loop.run();
  CHECK(result == -ECONNRESET);
  CHECK(perform(loop, operations::send(pair.a.get(), "x", 1, 0)) == -EPIPE);
}

TEST_ON_EACH_BACKEND("a send that waits for room learns of a reset, too") {
  TcpPair pair;
  const std::string much(64 << 20, 'x');
  Request sending;
  GuardedLoop loop(options);
  int result = 1;
  const Done again = [&](Request& done) {
    result = done.result();
    if (result > 0) loop.send(sending, pair.a.get(), much.data(), much.size(), again);
  };
  loop.send(sending, pair.a.get(), much.data(), much.size(), again);
  Timer later(loop, [&] {
    CHECK(sending.in_flight());
    reset_connection(pair.b);
  });
  later.start(20ms);
  loop.run();
  CHECK((result == -ECONNRESET || result == -EPIPE));
}

TEST_ON_EACH_BACKEND("datagrams carry their sender's address, and are truncated when too long") {
  Udp here, there;
  Message got(4), sent(7);
  got.with_address();
  sent.text = "message";
  sent.part = {sent.text.data(), sent.text.size()};
  sent.address_to(there.address);
  Request receiving;
  GuardedLoop loop(options);
  int result = 0;
  loop.recvmsg(receiving, there.fd.get(), &got.header,
               [&](Request& done) { result = done.result(); });
  CHECK(perform(loop, operations::sendmsg(here.fd.get(), &sent.header)) == 7);
  CHECK(result == 4);
  CHECK(got.text == "mess");
  CHECK((got.header.msg_flags & MSG_TRUNC) != 0);
  CHECK(got.address.sin_port == here.address.sin_port);
  CHECK(got.address.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
}

TEST_ON_EACH_BACKEND("a datagram that fits is never truncated") {
  Udp here, there;
  GuardedLoop loop(options);
  REQUIRE(perform(loop, operations::connect(here.fd.get(), generic(there.address),
                                            sizeof there.address)) == 0);
  std::array<char, 16> buffer{};
  for (int i = 0; i < 50; ++i) {
    REQUIRE(perform(loop, operations::send(here.fd.get(), "message", 7, 0)) == 7);
    REQUIRE(perform(loop, operations::recv(there.fd.get(), buffer.data(), buffer.size())) == 7);
  }
}

TEST_ON_EACH_BACKEND(
    "an empty datagram is a message, and a refused one an error of the next call") {
  Udp here;
  GuardedLoop loop(options);
  {
    Udp there;
    Message got(4), sent(0);
    sent.address_to(there.address);
    CHECK(perform(loop, operations::sendmsg(here.fd.get(), &sent.header)) == 0);
    CHECK(perform(loop, operations::recvmsg(there.fd.get(), &got.header)) == 0);
    CHECK(perform(loop, operations::connect(here.fd.get(), generic(there.address),
                                            sizeof there.address)) == 0);
  }
  std::array<char, 4> buffer{};
  CHECK(perform(loop, operations::send(here.fd.get(), "x", 1, 0)) == 1);
  CHECK(perform(loop, operations::recv(here.fd.get(), buffer.data(), buffer.size())) ==
        -ECONNREFUSED);
}

TEST_ON_EACH_BACKEND("a descriptor is passed over a unix socket, and closed on exec") {
  options.sim.faults = false;
  SocketPair pair;
  Pipe pipe;
  Message sent(1), got(1);
  sent.with_control();
  got.with_control();
  cmsghdr* header = CMSG_FIRSTHDR(&sent.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = pipe.in.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  GuardedLoop loop(options);
  CHECK(perform(loop, operations::sendmsg(pair.a.get(), &sent.header)) == 1);
  CHECK(perform(loop, operations::recvmsg(pair.b.get(), &got.header)) == 1);
  header = CMSG_FIRSTHDR(&got.header);
  REQUIRE(header != nullptr);
  int received = -1;
  std::memcpy(&received, CMSG_DATA(header), sizeof received);
  const UniqueFd copy(received);
  CHECK(copy.get() != passed);
  CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(perform(loop, operations::write(copy.get(), "x", 1, kCurrentPosition)) == 1);
  char byte = 0;
  CHECK(::read(pipe.out.get(), &byte, 1) == 1);
}

TEST_ON_EACH_BACKEND("a listener that was polled first doesn't stop the loop when it is drained") {
  const UniqueFd listener(listen_on_loopback(0));
  const auto port = static_cast<std::uint16_t>(port_of(listener.get()));
  const UniqueFd client(connect_to_loopback(port));
  Multishot accepting;
  GuardedLoop loop(options);
  CHECK(perform(loop, operations::poll(listener.get(), short{POLLIN})) == POLLIN);
  int accepted = 0;
  loop.accept_many(accepting, listener.get(), [&](Request& done) {
    if (done.result() < 0) return;
    ++accepted;
    loop.close_now(done.result());
  });
  Timer later(loop, [&] { accepting.cancel(); });
  later.start(10ms);
  loop.run();
  CHECK(accepted == 1);
}

// io_uring always returns a peer's half-close, and takes it for room.
TEST_ON_EACH_BACKEND("a poll returns the requested events, errors and hang-ups, and nothing else") {
  SocketPair full, over;
  fill(full.a);
  REQUIRE(::shutdown(full.b.get(), SHUT_WR) == 0);
  REQUIRE(::shutdown(over.b.get(), SHUT_WR) == 0);
  Request for_room;
  GuardedLoop loop(options);
  int room = 0;
  CHECK(perform(loop, operations::poll(over.a.get(), short{POLLIN})) == POLLIN);
  CHECK(perform(loop, operations::poll(over.a.get(), short{POLLIN | POLLRDHUP})) ==
        (POLLIN | POLLRDHUP));
  loop.poll(for_room, full.a.get(), POLLOUT, [&](Request& done) { room = done.result(); });
  Timer later(loop, [&] {
    CHECK(for_room.in_flight());
    drain(full.b);
  });
  later.start(20ms);
  loop.run();
  CHECK(room == POLLOUT);
  over.b = UniqueFd();
  CHECK((perform(loop, operations::poll(over.a.get(), short{POLLIN})) & POLLHUP) != 0);
}

// More of them than there are threads, ours or the kernel's.
TEST_ON_EACH_BACKEND("half-closed peers that don't read don't delay each other") {
  std::vector<SocketPair> pairs(20);
  std::vector<Request> sends(pairs.size());
  const std::string text(1 << 20, 'x');
  GuardedLoop loop(options);
  for (SocketPair& pair : pairs) {
    fill(pair.a);
    REQUIRE(::shutdown(pair.b.get(), SHUT_WR) == 0);
  }
  SocketPair& reader = pairs.back();
  std::size_t sent = 0;
  const Done go_on = [&](Request& done) {
    REQUIRE(done.result() > 0);
    sent += static_cast<std::size_t>(done.result());
    const char* const rest = text.data() + sent;
    if (sent < text.size() / 2)
      loop.send(sends.back(), reader.a.get(), rest, text.size() - sent, go_on);
    else if (sent < text.size())
      loop.write(sends.back(), reader.a.get(), rest, text.size() - sent, kCurrentPosition, go_on);
  };
  for (std::size_t i = 0; i + 1 < pairs.size(); ++i) {
    const int fd = pairs[i].a.get();
    if (i % 2 == 0)
      loop.send(sends[i], fd, text.data(), text.size(), {});
    else
      loop.write(sends[i], fd, text.data(), text.size(), kCurrentPosition, {});
  }
  loop.send(sends.back(), reader.a.get(), text.data(), text.size(), go_on);
  Timer reading(loop, [&] {
    drain(reader.b);
    if (sent < text.size()) return;
    reading.stop();
    for (Request& send : sends) send.cancel();
  });
  reading.start(1ms, 1ms);
  loop.run();
  CHECK(sent == text.size());
  for (std::size_t i = 0; i + 1 < sends.size(); ++i) CHECK(sends[i].result() == -ECANCELED);
}

// A kernel worker may sleep in a call by then, or be between two attempts, where it isn't found.
TEST_ON_EACH_BACKEND(
    "whatever waits is cut short at any moment, by a cancel and by the loop's end") {
  for (int i = 0; i < 60; ++i) {
    SocketPair pair;
    ErrorQueue udp;
    fill(pair.a);
    REQUIRE(::shutdown(pair.b.get(), SHUT_WR) == 0);
    std::array<char, 4> buffer{};
    Request sending, receiving;
    {
      GuardedLoop loop(options);
      loop.send(sending, pair.a.get(), "x", 1, {});
      loop.recv(receiving, udp.fd.get(), buffer.data(), buffer.size(), {});
      Timer end(loop, [&] {
        if (i % 2 == 0) return loop.stop();
        sending.cancel();
        receiving.cancel();
      });
      end.start(std::chrono::microseconds(i * 37 % 1000));
      loop.run();
    }
    CHECK(sending.result() == -ECANCELED);
    CHECK(receiving.result() == -ECANCELED);
  }
}

TEST_ON_EACH_BACKEND("a socket that lingers is closed right away by close_now") {
  TcpPair pair;
  fill(pair.a);
  linger_for(pair.a, 600);
  Loop loop(options);
  const auto begun = std::chrono::steady_clock::now();
  loop.close_now(pair.a.release());
  CHECK(std::chrono::steady_clock::now() - begun < kDeadline);
}

TEST_ON_THOSE_WITH_THREADS("closing a socket that lingers doesn't block the loop") {
  TcpPair pair;
  fill(pair.a);
  linger_for(pair.a, 600);
  Request closing;
  GuardedLoop loop(options);
  loop.close(closing, pair.a.release(), {});
  Timer later(loop, [&] {
    CHECK(closing.in_flight());
    reset_connection(pair.b);
  });
  later.start(10ms);
  loop.run();
  CHECK(closing.result() == 0);
}

TEST_ON_EACH_BACKEND("an operation that a socket can't do is an error, not a wait") {
  SocketPair pair;
  const UniqueFd tcp = make_socket(AF_INET), file = temporary_file("x");
  std::array<char, 4> buffer{};
  GuardedLoop loop(options);
  CHECK(perform(loop, operations::accept(tcp.get())) == -EINVAL);  // it doesn't listen
  CHECK(perform(loop, operations::recv(tcp.get(), buffer.data(), buffer.size())) == -ENOTCONN);
  CHECK(perform(loop, operations::shutdown(tcp.get(), SHUT_WR)) == -ENOTCONN);
  CHECK(perform(loop, operations::recv(file.get(), buffer.data(), buffer.size())) == -ENOTSOCK);
  CHECK(perform(loop, operations::send(file.get(), "x", 1, 0)) == -ENOTSOCK);
  CHECK(perform(loop, operations::accept(file.get())) == -ENOTSOCK);
}

}  // namespace timeslice::loop::test
