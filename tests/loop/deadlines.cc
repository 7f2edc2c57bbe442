// SPDX-License-Identifier: MIT
// Is each request called back exactly once, whether its deadline, its cancel or its end is first?
#include <poll.h>

#include <condition_variable>
#include <mutex>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// A job that runs until it's released.
class Gate {
 public:
  ~Gate() { open(); }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait_for(lock, kDeadline, [&] { return open_; });
  }
  void wait_for_visitors(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kDeadline, [&] { return inside_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int inside_ = 0;
};

// Fills the buffer of `fd`.
void fill(int fd) {
  const std::string chunk(4096, 'x');
  while (::send(fd, chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
  }
}

}  // namespace

TEST_ON_EACH_BACKEND("a request past its deadline is -ETIMEDOUT, and not before") {
  SocketPair pair;
  char byte = 0;
  Request receiving;
  GuardedLoop loop(options);
  for (const auto limit : {Nanoseconds{1ms}, Nanoseconds{20ms}}) {
    int result = 0;
    loop.update_time();
    const auto begun = std::chrono::steady_clock::now();
    loop.recv(receiving, pair.a.get(), &byte, 1, [&](Request& done) { result = done.result(); });
    receiving.expire_after(limit);
    loop.run();
    CHECK(result == -ETIMEDOUT);
    CHECK(std::chrono::steady_clock::now() - begun >= limit);
  }
  REQUIRE(::write(pair.b.get(), "x", 1) == 1);  // and it consumed nothing
  CHECK(perform(loop, operations::recv(pair.a.get(), &byte, std::size_t{1})) == 1);
}

TEST_ON_EACH_BACKEND("a request that ends in time drops its deadline, and may be started again") {
  SocketPair pair;
  char byte = 0;
  Request receiving;
  GuardedLoop loop(options);
  std::vector<int> results;
  const Done note = [&](Request& done) { results.push_back(done.result()); };
  const auto begun = std::chrono::steady_clock::now();
  loop.recv(receiving, pair.a.get(), &byte, 1, [&](Request& done) {
    note(done);
    loop.recv(receiving, pair.a.get(), &byte, 1, note);
    loop.set_immediate([&] { REQUIRE(::write(pair.b.get(), "y", 1) == 1); });
  });
  receiving.expire_after(1h);
  REQUIRE(::write(pair.b.get(), "x", 1) == 1);
  loop.run();
  CHECK(results == std::vector<int>{1, 1});
  loop.recv(receiving, pair.a.get(), &byte, 1, note);
  receiving.expire_after(1ms);
  loop.run();
  CHECK(results.back() == -ETIMEDOUT);
  loop.recv(receiving, pair.a.get(), &byte, 1, note);  // now without a deadline
  REQUIRE(::write(pair.b.get(), "z", 1) == 1);
  loop.run();
  CHECK(results == std::vector<int>{1, 1, -ETIMEDOUT, 1});
  CHECK(std::chrono::steady_clock::now() - begun < kDeadline);
}

TEST_ON_EACH_BACKEND("a deadline may be moved while the request waits, in both directions") {
  SocketPair pair;
  char byte = 0;
  Request receiving;
  GuardedLoop loop(options);
  int result = 0;
  loop.recv(receiving, pair.a.get(), &byte, 1, [&](Request& done) { result = done.result(); });
  receiving.expire_after(1h);
  receiving.expire_after(5ms);
  receiving.expire_after(1h);
  Timer later(loop, [&] {
    CHECK(receiving.in_flight());
    receiving.expire_after(0ms);
  });
  later.start(10ms);
  loop.run();
  CHECK(result == -ETIMEDOUT);
}

TEST_ON_EACH_BACKEND("an unreferenced request's deadline doesn't keep the loop alive") {
  SocketPair pair;
  char byte = 0;
  Request receiving;
  receiving.unref();
  Loop loop(options);
  loop.recv(receiving, pair.a.get(), &byte, 1, {});
  receiving.expire_after(1h);
  loop.run();
  CHECK(receiving.in_flight());
}

TEST_ON_THOSE_WITH_THREADS("a job's deadline removes it from the queue, but not from its thread") {
  options.pool_size = 1;
  Gate gate;
  std::vector<Request> requests(2);
  GuardedLoop loop(options);
  std::vector<int> results(2, 1);
  bool second_ran = false;
  loop.work(
      requests[0], [&] { gate.pass(); }, [&](Request& done) { results[0] = done.result(); });
  loop.work(
      requests[1], [&] { second_ran = true; },
      [&](Request& done) {
        results[1] = done.result();
        gate.open();
      });
  gate.wait_for_visitors(1);
  requests[0].expire_after(0ms);
  requests[1].expire_after(1ms);
  loop.run();
  CHECK(results == std::vector<int>{0, -ETIMEDOUT});
  CHECK_FALSE(second_ran);
}

TEST_ON_EACH_BACKEND("a cancel after a request has ended, or in its own callback, does nothing") {
  SocketPair pair;
  std::vector<Request> requests(20);
  GuardedLoop loop(options);
  int calls = 0;
  for (Request& request : requests)
    loop.nop(request, [&](Request& done) {
      ++calls;
      CHECK((done.result() == 0 || done.result() == -ECANCELED));
      done.cancel();
      for (Request& other : requests) other.cancel();  // has ended, or is about to be called
    });
  loop.run();
  CHECK(calls == 20);
  for (Request& request : requests) CHECK_FALSE(request.in_flight());
}

TEST_ON_EACH_BACKEND("each kind of wait can be cancelled, however often that is requested") {
  Pipe pipe, full;
  SocketPair pair;
  const UniqueFd listener(listen_on_loopback(0));
  ::fcntl(full.in.get(), F_SETFL, O_NONBLOCK);
  const std::string chunk(4096, 'x');
  while (::write(full.in.get(), chunk.data(), chunk.size()) > 0) {
  }
  fill(pair.a.get());
  std::array<char, 8> buffer{};
  iovec part{buffer.data(), buffer.size()};
  const iovec out{const_cast<char*>(chunk.data()), chunk.size()};
  msghdr in_message{}, out_message{};
  in_message.msg_iov = &part;
  out_message.msg_iov = const_cast<iovec*>(&out);
  in_message.msg_iovlen = out_message.msg_iovlen = 1;
  std::vector<Request> requests(10);
  std::vector<Multishot> many(2);
  GuardedLoop loop(options);
  Buffers buffers(loop, 2, 8);
  std::vector<int> results;
  const Done note = [&](Request& done) { results.push_back(done.result()); };
  const std::size_t size = buffer.size();
  loop.read(requests[0], pipe.out.get(), buffer.data(), size, kCurrentPosition, note);
  loop.readv(requests[1], pipe.out.get(), &part, 1, kCurrentPosition, note);
  loop.write(requests[2], full.in.get(), chunk.data(), chunk.size(), kCurrentPosition, note);
  loop.writev(requests[3], full.in.get(), &out, 1, kCurrentPosition, note);
  loop.recv(requests[4], pair.a.get(), buffer.data(), size, note);
  loop.recvmsg(requests[5], pair.a.get(), &in_message, note);
  loop.send(requests[6], pair.a.get(), chunk.data(), chunk.size(), note);
  loop.sendmsg(requests[7], pair.a.get(), &out_message, note);
  loop.poll(requests[8], pipe.out.get(), POLLIN, note);
  loop.accept(requests[9], listener.get(), note);
  loop.accept_many(many[0], listener.get(), note);
  loop.recv_many(many[1], pair.a.get(), buffers, note);
  const auto cancel_all = [&] {
    for (Request& request : requests) request.cancel();
    for (Request& request : many) request.cancel();
  };
  Timer later(loop, [&] {
    CHECK(results.empty());
    cancel_all();
    cancel_all();
    loop.set_immediate(cancel_all);
  });
  later.start(5ms);
  loop.run();
  CHECK(results == std::vector<int>(12, -ECANCELED));
}

// io_uring takes the hang-up of one direction for room, and sends these from kernel workers.
TEST_ON_EACH_BACKEND("a send to a half-closed peer that doesn't read can be ended early") {
  std::vector<SocketPair> pairs(3);
  std::vector<Request> sends(pairs.size());
  GuardedLoop loop(options);
  std::vector<int> results(pairs.size(), 1);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    fill(pairs[i].a.get());
    REQUIRE(::shutdown(pairs[i].b.get(), SHUT_WR) == 0);
    loop.send(sends[i], pairs[i].a.get(), "x", 1,
              [&, i](Request& done) { results[i] = done.result(); });
    if (i > 0) sends[i].expire_after(20ms);
  }
  Timer later(loop, [&] { sends[0].cancel(); });
  later.start(20ms);
  loop.run();
  CHECK(results == std::vector<int>{-ECANCELED, -ETIMEDOUT, -ETIMEDOUT});
}

TEST_ON_EACH_BACKEND("a thousand requests wait at the same time on a ring of 16 entries") {
  options.ring_entries = 16;
  constexpr int kMany = 1000;
  std::vector<SocketPair> pairs(100);
  std::vector<Request> requests(kMany);
  std::vector<char> bytes(kMany);
  GuardedLoop loop(options);
  int received = 0, cancelled = 0;
  const auto write_all = [&] {
    for (SocketPair& pair : pairs) REQUIRE(::write(pair.b.get(), "0123456789", 10) == 10);
  };
  for (std::size_t i = 0; i < requests.size(); ++i)
    loop.recv(requests[i], pairs[i % pairs.size()].a.get(), &bytes[i], 1, [&](Request& done) {
      received += done.result() == 1;
      if (done.result() == -ECANCELED && ++cancelled == kMany / 2) write_all();
    });
  loop.set_immediate([&] {
    for (std::size_t i = 0; i < requests.size(); i += 2) requests[i].cancel();
  });
  loop.run();
  CHECK(received == 500);
  CHECK(cancelled == 500);
}

}  // namespace timeslice::loop::test
