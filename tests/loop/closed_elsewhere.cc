// SPDX-License-Identifier: MIT
// What if a descriptor is closed past the loop, as by its owner's destructor? Its number may be
// another file's by the next request, and the file may still be open under another number.
#include <array>
#include <utility>

#include "tests/loop/socket_support.h"

namespace timeslice::loop::test {

namespace {

// A pair whose first end comes to have the number `fd`.
SocketPair pair_at(int fd) {
  SocketPair pair;
  if (pair.b.get() == fd) std::swap(pair.a, pair.b);
  if (pair.a.get() == fd) return pair;
  REQUIRE(::dup3(pair.a.get(), fd, O_CLOEXEC) == fd);
  pair.a = UniqueFd(fd);
  return pair;
}

void write_byte(const UniqueFd& fd) { REQUIRE(::write(fd.get(), "x", 1) == 1); }

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

}  // namespace

TEST_ON_EACH_BACKEND("a number that was closed past the loop serves its next file") {
  GuardedLoop loop(options);
  for (int i = 0; i < 50; ++i) {
    const SocketPair pair;
    REQUIRE(receive_late(loop, pair) == 1);
  }
}

TEST_ON_EACH_BACKEND("a file that is open elsewhere after its close past the loop isn't told of") {
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

}  // namespace timeslice::loop::test
