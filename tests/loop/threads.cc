// SPDX-License-Identifier: MIT
// Do pool work, wakes from other threads and signals all arrive on the loop's own thread?
#include <pthread.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// Holds each visitor until `count` of them are here at the same time.
class Meeting {
 public:
  explicit Meeting(unsigned count) : count_(count) {}
  bool wait() {
    std::unique_lock lock(mutex_);
    ++here_;
    changed_.notify_all();
    return changed_.wait_for(lock, kDeadline, [&] { return here_ >= count_; });
  }

 private:
  const unsigned count_;
  unsigned here_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

std::string own_name() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.data();
}

}  // namespace

TEST_ON_THOSE_WITH_THREADS(
    "work runs on other threads, as many at once as the pool has, and no more") {
  options.pool_size = GENERATE(1U, 3U, 4U);
  CAPTURE(options.pool_size);
  constexpr unsigned kJobs = 24;
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<std::string> names;
  Meeting meeting(options.pool_size);
  std::atomic<unsigned> running{0}, most{0};
  std::atomic<bool> met{true};
  std::vector<Request> requests(kJobs);
  GuardedLoop loop(options);
  unsigned finished = 0;
  bool on_loop_thread = true;
  bool routes = true;
  const auto job = [&] {
    const unsigned now = ++running;
    for (unsigned seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    if (!meeting.wait()) met = false;
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      names.insert(own_name());
    }
    --running;
  };
  const auto self = std::this_thread::get_id();
  for (Request& request : requests)
    loop.work(request, job, [&](Request& done) {
      ++finished;
      on_loop_thread &= std::this_thread::get_id() == self;
      routes &= done.route() == Route::pool_thread && done.result() == 0;
    });
  loop.run();
  CHECK(finished == kJobs);
  CHECK(met);
  CHECK(most == options.pool_size);
  CHECK(threads.size() == options.pool_size);
  CHECK(threads.count(self) == 0);
  CHECK(on_loop_thread);
  CHECK(routes);
  CHECK(names.count("pool-worker-0") == 1);
}

TEST_ON_THOSE_WITH_THREADS("queued work can be cancelled, running work can't") {
  options.pool_size = 1;
  Meeting started(2), release(2);
  std::vector<Request> requests(2);
  GuardedLoop loop(options);
  std::vector<int> results(2, 1);
  std::vector<std::size_t> order;
  const auto note = [&](std::size_t i) {
    return [&, i](Request& done) {
      results[i] = done.result();
      order.push_back(i);
      if (i == 1) release.wait();
    };
  };
  bool second_ran = false;
  loop.work(
      requests[0],
      [&] {
        started.wait();
        release.wait();
      },
      note(0));
  loop.work(
      requests[1], [&] { second_ran = true; }, note(1));
  started.wait();
  requests[0].cancel();
  requests[1].cancel();
  loop.run();
  CHECK(results == std::vector<int>{0, -ECANCELED});
  CHECK(order == std::vector<std::size_t>{1, 0});
  CHECK_FALSE(second_ran);
}

TEST_ON_THOSE_WITH_THREADS(
    "slow work holds half of the pool at most, and the rest goes on beside it") {
  struct Case {
    unsigned pool_size, at_once;
  };
  for (const Case& c : {Case{2, 1}, Case{3, 2}, Case{4, 2}, Case{8, 4}}) {  // half, rounded up
    CAPTURE(c.pool_size);
    options.pool_size = c.pool_size;
    std::atomic<bool> go_on{false};
    std::atomic<unsigned> running{0}, most{0};
    std::vector<Request> slow(12), quick(40);
    GuardedLoop loop(options);
    int slow_ended = 0, quick_ended = 0;
    for (Request& request : slow)
      loop.slow_work(
          request,
          [&] {
            const unsigned now = ++running;
            for (unsigned seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
            }
            go_on.wait(false);
            --running;
          },
          [&](Request& done) { slow_ended += done.result() == 0; });
    for (Request& request : quick)
      loop.work(
          request, [] {},
          [&](Request&) {
            if (++quick_ended < 40) return;
            CHECK(slow_ended == 0);
            const auto deadline = std::chrono::steady_clock::now() + kDeadline;
            while (running < c.at_once && std::chrono::steady_clock::now() < deadline)
              std::this_thread::yield();
            go_on = true;
            go_on.notify_all();
          });
    loop.run();
    CHECK(slow_ended == 12);
    CHECK(most == c.at_once);
  }
}

TEST_CASE("the pool's size is kept within its bounds") {
  Options options;
  options.pool_size = 0;
  CHECK(Loop(options).pool_size() == 1);
  options.pool_size = 5000;
  CHECK(Loop(options).pool_size() == 1024);
}

TEST_ON_EACH_BACKEND("another thread wakes the loop, and no wake is lost") {
  constexpr int kMessages = 5000;
  constexpr int kSenders = 2;
  std::atomic<int> sent{0};
  int seen = 0;
  int calls = 0;
  GuardedLoop loop(options);
  Waker waker(loop, [&] {
    ++calls;
    seen = sent;
    if (seen == kMessages * kSenders) waker.unref();
  });
  std::vector<std::thread> senders;
  for (int i = 0; i < kSenders; ++i)
    senders.emplace_back([&] {
      for (int message = 0; message < kMessages; ++message) {
        ++sent;
        waker.send();
      }
    });
  loop.run();
  for (std::thread& sender : senders) sender.join();
  CHECK(seen == kMessages * kSenders);
  CHECK(calls <= kMessages * kSenders);
}

TEST_ON_EACH_BACKEND("a sleeping loop wakes right away for each of a peer's messages") {
  constexpr int kRounds = 300;
  std::atomic<int> asked{0}, answered{0};
  GuardedLoop loop(options);
  Waker waker(loop, [&] {
    answered = asked.load();
    answered.notify_one();
    if (answered == kRounds) waker.unref();
  });
  std::thread peer([&] {
    for (int round = 1; round <= kRounds; ++round) {
      asked = round;
      waker.send();
      answered.wait(round - 1);
    }
  });
  loop.run();
  peer.join();
  CHECK(answered == kRounds);
}

TEST_ON_EACH_BACKEND(
    "several wakers in one loop are told apart, and may go in their own callback") {
  GuardedLoop loop(options);
  std::string calls;
  std::unique_ptr<Waker> b;
  Waker a(loop, [&] {
    calls += "a";
    a.unref();
    b->send();
  });
  b = std::make_unique<Waker>(loop, [&] {
    calls += "b";
    b.reset();
  });
  a.send();
  loop.run();
  CHECK(calls == "ab");
}

TEST_ON_EACH_BACKEND("a signal becomes a callback, and the previous action is restored") {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGUSR1, &ignore, &before) == 0);
  {
    GuardedLoop loop(options);
    int calls = 0;
    Signal signal(loop, SIGUSR1, [&] {
      if (++calls == 3) return loop.stop();
      ::raise(SIGUSR1);
    });
    signal.ref();
    Timer timer(loop, [] { ::kill(::getpid(), SIGUSR1); });
    timer.start(2ms);
    loop.run();
    CHECK(calls == 3);
    signal.unref();
    loop.run();  // doesn't keep the loop alive
    CHECK_THROWS_AS(Signal(loop, SIGUSR1, {}), std::system_error);
    CHECK_THROWS_AS(Signal(loop, SIGKILL, {}), std::system_error);
    CHECK_THROWS_AS(Signal(loop, 12345, {}), std::system_error);
  }
  struct sigaction after {};
  REQUIRE(::sigaction(SIGUSR1, &before, &after) == 0);
  CHECK(after.sa_handler == SIG_IGN);
}

TEST_ON_EACH_BACKEND("a signal that was blocked comes all the same, and is blocked again") {
  sigset_t one;
  sigset_t now;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &one, nullptr) == 0);
  ::raise(SIGUSR1);
  {
    GuardedLoop loop(options);
    int calls = 0;
    Signal signal(loop, SIGUSR1, [&] {
      if (++calls == 2) return loop.stop();
      ::raise(SIGUSR1);
    });
    signal.ref();
    loop.run();
    CHECK(calls == 2);
  }
  REQUIRE(::pthread_sigmask(SIG_UNBLOCK, &one, &now) == 0);
  CHECK(::sigismember(&now, SIGUSR1) == 1);
}

TEST_ON_THOSE_WITH_THREADS("a signal that a pool thread could take still arrives on the loop") {
  std::vector<Request> requests(4);
  Meeting all_running(5);
  std::atomic<bool> go_on{false};
  GuardedLoop loop(options);
  int signals = 0;
  for (Request& request : requests)
    loop.work(request,
              [&] {
                all_running.wait();
                go_on.wait(false);
              },
              {});
  Signal signal(loop, SIGUSR2, [&] {
    ++signals;
    go_on = true;
    go_on.notify_all();
  });
  REQUIRE(all_running.wait());
  REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
  loop.run();
  CHECK(signals == 1);
}

}  // namespace timeslice::loop::test
