// SPDX-License-Identifier: MIT
// Does an owner without free descriptors rest, and no longer than needed? What the demo and a
// cluster do then is in demo_limits.cc and cluster.cc.
#include "loop/io/rest.h"

#include <optional>

#include "loop/io/acceptor.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// No descriptor can be opened as long as it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &former_) == 0);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = former_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &former_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit former_{};
};

}  // namespace

TEST_CASE("a rest is due when a resource has run out, and for no other error") {
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS}) CHECK(Rest::is_due(-error));
  for (const int result : {0, 5, -EAGAIN, -ECONNABORTED, -EPERM, -ECANCELED, EMFILE})
    CHECK_FALSE(Rest::is_due(result));
}

TEST_CASE("an Acceptor without free descriptors rests between attempts, and goes on by itself") {
  ON_EACH_BACKEND(options);
  UniqueFd listener(listen_on_loopback(0));
  ::fcntl(listener.get(), F_SETFL, O_NONBLOCK);
  const UniqueFd client(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
  REQUIRE(client.get() >= 0);
  std::optional<Acceptor> acceptor;  // which outlives its loop
  GuardedLoop loop(options);
  std::optional<NoDescriptors> none;
  int accepted = 0;
  acceptor.emplace(
      loop, std::move(listener), [] { return true; },
      [&](UniqueFd) {
        ++accepted;
        CHECK_FALSE(none);
        acceptor->close();
      });
  none.emplace();
  loop.update_time();
  const Nanoseconds begin = loop.now();
  acceptor->resume();
  Timer watch(loop, [&] {
    if (acceptor->rests() < 3) return;
    CHECK(loop.now() - begin >= 50ms * (acceptor->rests() - 1));
    none.reset();
    watch.stop();
  });
  watch.start(1ms, 1ms);
  loop.run();
  CHECK(accepted == 1);
  CHECK(acceptor->rests() >= 3);
}

TEST_CASE("a rest that is begun twice is one, and ending it makes no callback") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  int calls = 0;
  Rest rest(loop, [&] { ++calls; });
  CHECK_FALSE(rest.active());
  rest.begin();
  rest.begin();
  CHECK(rest.active());
  CHECK(rest.begun() == 2);
  loop.run();
  CHECK(calls == 1);
  rest.begin();
  rest.end();
  CHECK_FALSE(rest.active());
  loop.run();
  CHECK(calls == 1);
}

}  // namespace timeslice::loop::test
