// SPDX-License-Identifier: MIT
// What if a descriptor is closed behind the loop's back, as by its owner's destructor? Its number
// may refer to another file by the next request, and the file may still be open elsewhere.
#include <malloc.h>

#include <array>
#include <utility>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

// A pair whose first end gets the number `fd`.
SocketPair pair_at(int fd) {
  SocketPair pair;
  if (pair.b.get() == fd) std::swap(pair.a, pair.b);
  if (pair.a.get() == fd) return pair;
  REQUIRE(::dup3(pair.a.get(), fd, O_CLOEXEC) == fd);
  pair.a = UniqueFd(fd);
  return pair;
}

void write_byte(const UniqueFd& fd) { REQUIRE(::write(fd.get(), "x", 1) == 1); }

// While it exists, this process gets no further descriptor.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(::dup(STDERR_FILENO));
    const rlimit none{static_cast<rlim_t>(next.get()), before_.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) std::abort();
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

int receive_late(Loop& loop, const SocketPair& pair) {
  std::array<char, 1> byte{};
  Request request;
  int result = 0;
  loop.recv(request, pair.a.get(), byte.data(), 1, [&](Request& done) { result = done.result(); });
  Timer later(loop, [&] { write_byte(pair.b); });
  later.start(1ms);
  loop.run();
  return result;
}

int receive_from(Loop& loop, int fd) {
  std::array<char, 1> byte{};
  Request request;
  int result = 0;
  loop.recv(request, fd, byte.data(), 1, [&](Request& done) { result = done.result(); });
  loop.run();
  return result;
}

}  // namespace

TEST_ON_EACH_BACKEND("a descriptor number closed behind the loop's back works for the next file") {
  GuardedLoop loop(options);
  for (int i = 0; i < 50; ++i) {
    const SocketPair pair;
    REQUIRE(receive_late(loop, pair) == 1);
  }
}

TEST_ON_EACH_BACKEND(
    "a file closed behind the loop's back and still open elsewhere has no effect") {
  CountedLoop loop(options, 100);
  UniqueFd elsewhere;
  SocketPair first;
  REQUIRE(receive_late(loop, first) == 1);
  const int number = first.a.get();
  elsewhere = UniqueFd(::dup(number));
  first.a = UniqueFd();
  write_byte(first.b);  // it stays ready from now on
  Timer later(loop, [] {});
  later.start(50ms);
  loop.run();
  const SocketPair second = pair_at(number);
  CHECK(receive_late(loop, second) == 1);
  write_byte(first.b);
  CHECK(receive_late(loop, second) == 1);
}

// Its events are still delivered, because there is no descriptor for another set.
TEST_ON_EACH_BACKEND("a file open elsewhere doesn't keep a loop without spare descriptors busy") {
  CountedLoop loop(options, 100);
  UniqueFd elsewhere;
  SocketPair first;
  const SocketPair other;
  REQUIRE(receive_late(loop, first) == 1);
  elsewhere = UniqueFd(::dup(first.a.get()));
  first.a = UniqueFd();
  write_byte(first.b);
  {
    const NoDescriptors none;
    Timer later(loop, [] {});
    later.start(100ms);
    loop.run();
    CHECK(receive_late(loop, other) == 1);  // others are served meanwhile
  }
  CHECK(receive_late(loop, other) == 1);
  write_byte(first.b);
  const std::uint64_t turns = loop.counters().turns;
  CHECK(receive_late(loop, other) == 1);
  CHECK(loop.counters().turns - turns < 10);
}

// They are closed already, so there will be no close after which to forget them.
TEST_ON_EACH_BACKEND("closed descriptors, which can't be watched, leave nothing behind") {
  constexpr int kFirst = 1 << 20, kNumbers = 5000;
  GuardedLoop loop(options);
  for (int i = 0; i < 100; ++i) REQUIRE(receive_from(loop, kFirst) == -EBADF);
  const std::size_t memory = ::mallinfo2().uordblks;
  for (int i = 1; i <= kNumbers; ++i) REQUIRE(receive_from(loop, kFirst + i) == -EBADF);
  CHECK(::mallinfo2().uordblks <= memory + 4096);
}

}  // namespace timeslice::loop::test
