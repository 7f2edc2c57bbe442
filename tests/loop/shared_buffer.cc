// SPDX-License-Identifier: MIT
// Do cells of a shared buffer behave as atomics do, and waits and notifies as futexes do?
#include "loop/threads/shared_buffer.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <thread>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Clock = std::chrono::steady_clock;

template <typename Condition>
bool comes_true(Condition condition) {
  const auto end = Clock::now() + kDeadline;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// A thread that waits on cell 0 while that is 0; whether it sleeps can be queried.
class Sleeper {
 public:
  explicit Sleeper(const SharedBuffer& buffer, Nanoseconds timeout = kDeadline)
      : thread_([this, buffer, timeout] {
          tid_ = ::gettid();
          result_ = buffer.wait(0, 0, timeout);
          done_ = true;
        }) {}
  ~Sleeper() { thread_.join(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  // The wait is all that it can sleep in.
  bool falls_asleep() {
    return comes_true([&] { return tid_ != 0 && status("State:\t").find('S') == 0; });
  }
  bool wakes() {
    return comes_true([&] { return done_.load(); });
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] WaitResult result() const { return result_; }
  void interrupt() { ::pthread_kill(thread_.native_handle(), SIGUSR1); }
  // How often it has gone to sleep.
  [[nodiscard]] std::string sleeps() const { return status("voluntary_ctxt_switches:\t"); }

 private:
  // What /proc says of the thread behind `key`; empty once it has ended.
  [[nodiscard]] std::string status(const std::string& key) const {
    std::ifstream file("/proc/self/task/" + std::to_string(tid_) + "/status");
    for (std::string line; std::getline(file, line);)
      if (line.find(key) == 0) return line.substr(key.size());
    return {};
  }

  std::atomic<pid_t> tid_{0};
  std::atomic<bool> done_{false};
  std::atomic<WaitResult> result_{WaitResult::not_equal};
  std::thread thread_;
};

}  // namespace

TEST_CASE("a shared buffer starts zeroed, and its copies share the memory") {
  const SharedBuffer buffer(4096);
  CHECK(buffer.size() == 4096);
  for (std::size_t i = 0; i < 512; ++i) REQUIRE(buffer.load<std::int64_t>(i) == 0);
  const SharedBuffer copy = buffer;  // NOLINT(performance-unnecessary-copy-initialization)
  copy.store<std::int32_t>(7, 42);
  CHECK(buffer.load<std::int32_t>(7) == 42);
  CHECK(buffer.data() == copy.data());
}

TEMPLATE_TEST_CASE("operations on a cell return its previous value", "", std::int32_t,
                   std::int64_t) {
  using T = TestType;
  const SharedBuffer buffer(4 * sizeof(T));
  constexpr T kMost = std::numeric_limits<T>::max();
  buffer.store<T>(1, 12);
  CHECK(buffer.add<T>(1, 5) == 12);
  CHECK(buffer.sub<T>(1, 2) == 17);
  CHECK(buffer.and_<T>(1, 6) == 15);
  CHECK(buffer.or_<T>(1, 9) == 6);
  CHECK(buffer.exchange<T>(1, kMost) == 15);
  CHECK(buffer.add<T>(1, 1) == kMost);  // wraps round, as two's complement does
  CHECK(buffer.load<T>(1) == std::numeric_limits<T>::min());
  CHECK(buffer.compare_exchange<T>(1, 0, 1) == std::numeric_limits<T>::min());
  CHECK(buffer.load<T>(1) == std::numeric_limits<T>::min());
  CHECK(buffer.compare_exchange<T>(1, std::numeric_limits<T>::min(), 1) ==
        std::numeric_limits<T>::min());
  CHECK(buffer.load<T>(1) == 1);
  CHECK(buffer.load<T>(0) == 0);
  CHECK(buffer.load<T>(2) == 0);
}

TEST_CASE("a cell that isn't entirely inside is refused") {
  const SharedBuffer buffer(12);
  buffer.store<std::int32_t>(2, 1);
  buffer.store<std::int64_t>(0, 1);
  CHECK_THROWS_AS(buffer.load<std::int32_t>(3), std::out_of_range);
  CHECK_THROWS_AS(buffer.load<std::int64_t>(1), std::out_of_range);
  CHECK_THROWS_AS(buffer.store<std::int64_t>(SIZE_MAX / 8 + 2, 1), std::out_of_range);
  CHECK_THROWS_AS(buffer.wait(3, 0, 0s), std::out_of_range);
  CHECK_THROWS_AS(buffer.notify(3), std::out_of_range);
  CHECK_THROWS_AS(SharedBuffer(0).load<std::int32_t>(0), std::out_of_range);
}

TEST_CASE("no addition by four threads is lost") {
  const SharedBuffer buffer(16);
  constexpr int kRounds = 20'000;
  std::array<std::thread, 4> threads;
  for (std::thread& thread : threads)
    thread = std::thread([buffer] {
      for (int round = 0; round < kRounds; ++round) {
        buffer.add<std::int32_t>(0, 1);
        std::int64_t seen = buffer.load<std::int64_t>(1);
        for (;;) {
          const std::int64_t before = buffer.compare_exchange<std::int64_t>(1, seen, seen + 3);
          if (before == seen) break;
          seen = before;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(buffer.load<std::int32_t>(0) == 4 * kRounds);
  CHECK(buffer.load<std::int64_t>(1) == 3LL * 4 * kRounds);
}

TEST_CASE("a wait ends right away on another value, and on time without a notify") {
  const SharedBuffer buffer(8);
  CHECK(buffer.wait(1, 5) == WaitResult::not_equal);
  CHECK(buffer.wait(1, 0, 0ns) == WaitResult::timed_out);
  const auto before = Clock::now();
  CHECK(buffer.wait(1, 0, 20ms) == WaitResult::timed_out);
  CHECK(Clock::now() - before >= 20ms);
  CHECK(buffer.notify(1) == 0);
}

TEST_CASE("notify wakes at most as many sleepers as requested, and returns their number") {
  const SharedBuffer buffer(8);
  Sleeper a(buffer), b(buffer), c(buffer);
  REQUIRE((a.falls_asleep() && b.falls_asleep() && c.falls_asleep()));
  CHECK(buffer.notify(0, 0) == 0);
  CHECK(buffer.notify(1) == 0);  // another cell
  CHECK_FALSE((a.done() || b.done() || c.done()));
  CHECK(buffer.notify(0, 2) == 2);
  CHECK(comes_true([&] { return a.done() + b.done() + c.done() == 2; }));
  CHECK(buffer.notify(0) == 1);
  CHECK((a.wakes() && b.wakes() && c.wakes()));
  CHECK(a.result() == WaitResult::ok);
  CHECK(b.result() == WaitResult::ok);
  CHECK(c.result() == WaitResult::ok);
}

// Counted in sleeps, because ThreadSanitizer delays the handler itself.
TEST_CASE("a signal doesn't end a wait") {
  const SharedBuffer buffer(8);
  struct sigaction action {};
  struct sigaction former {};
  action.sa_handler = [](int) {};  // without SA_RESTART
  REQUIRE(::sigaction(SIGUSR1, &action, &former) == 0);
  {
    Sleeper sleeper(buffer);
    REQUIRE(sleeper.falls_asleep());
    for (int i = 1; i <= 10; ++i) {
      const std::string before = sleeper.sleeps();
      sleeper.interrupt();
      REQUIRE(comes_true([&] { return sleeper.sleeps() != before; }));
      REQUIRE(sleeper.falls_asleep());
    }
    CHECK_FALSE(sleeper.done());
    CHECK(buffer.notify(0) == 1);
    CHECK(sleeper.wakes());
    CHECK(sleeper.result() == WaitResult::ok);
  }
  REQUIRE(::sigaction(SIGUSR1, &former, nullptr) == 0);
}

TEST_CASE("signals don't prolong a wait either") {
  const SharedBuffer buffer(8);
  struct sigaction action {};
  struct sigaction former {};
  action.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGUSR1, &action, &former) == 0);
  {
    Sleeper sleeper(buffer, 50ms);
    REQUIRE(comes_true([&] {
      if (!sleeper.done()) sleeper.interrupt();
      return sleeper.done();
    }));
    CHECK(sleeper.result() == WaitResult::timed_out);
  }
  REQUIRE(::sigaction(SIGUSR1, &former, nullptr) == 0);
}

TEST_CASE("two threads take turns by wait and notify, a thousand times") {
  const SharedBuffer buffer(4);
  constexpr std::int32_t kTurns = 2'000;
  const auto take_turns = [buffer](std::int32_t mine) {
    for (;;) {
      const std::int32_t turn = buffer.load<std::int32_t>(0);
      if (turn >= kTurns) break;
      if (turn % 2 != mine) {
        if (buffer.wait(0, turn, kDeadline) == WaitResult::timed_out) return;
        continue;
      }
      buffer.store<std::int32_t>(0, turn + 1);
      buffer.notify(0, 1);
    }
  };
  std::thread other(take_turns, 1);
  take_turns(0);
  other.join();
  CHECK(buffer.load<std::int32_t>(0) == kTurns);
}

}  // namespace timeslice::loop::test
