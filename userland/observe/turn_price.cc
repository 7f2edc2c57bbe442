// SPDX-License-Identifier: MIT
#include "observe/turn_price.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <vector>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"

namespace timeslice::observe {

namespace {

// The least of many short batches: what else the machine does lengthens some, and shortens none.
constexpr int kRounds = 3, kBatches = 25, kCalls = 100;

template <typename Call>
double least_ns(Call call) {
  double least = std::numeric_limits<double>::max();
  for (int batch = 0; batch < kBatches; ++batch) {
    const uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < kCalls; ++i) call();
    const uint64_t ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    least = std::min(least, static_cast<double>(ns) / kCalls);
  }
  return least;
}

struct Least {
  double wait_ns = std::numeric_limits<double>::max();
  double other_call_ns = std::numeric_limits<double>::max();
};

// A turn also does something else, and the next call finds what that has left of the caches.
constexpr size_t kTurnTouches = 256 * 1024, kCacheLine = 64;

// As a loop that is never idle: each call is one turn.
void measure(int epoll_fd, std::atomic<uint64_t>& turns, Least& least) {
  static std::vector<char> touched(kTurnTouches);
  const auto wait = [&] {
    epoll_event event{};
    for (size_t i = 0; i < touched.size(); i += kCacheLine)
      *static_cast<volatile char*>(&touched[i]) = 1;
    turns.fetch_add(1, std::memory_order_relaxed);
    epoll_pwait(epoll_fd, &event, 1, 0, nullptr);
  };
  least.wait_ns = std::min(least.wait_ns, least_ns(wait));
  least.other_call_ns = std::min(least.other_call_ns, least_ns([] { syscall(SYS_getppid); }));
}

}  // namespace

TurnPrice measure_turn_price(TurnProbes& probes) {
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) throw failure_from_errno("cannot measure what probes cost", errno);
  std::atomic<uint64_t> turns = 0;
  const auto tid = static_cast<uint32_t>(gettid());
  probes.watch({tid, epoll.get(), reinterpret_cast<uint64_t>(&turns)});
  Least without, with;
  for (int round = 0; round < kRounds; ++round) {
    measure(epoll.get(), turns, without);
    probes.attach(TurnProbes::To::epoll_pwait);
    measure(epoll.get(), turns, with);
    probes.detach();
  }
  probes.forget(tid);
  return {std::max(with.wait_ns - without.wait_ns, 0.0),
          std::max(with.other_call_ns - without.other_call_ns, 0.0)};
}

}  // namespace timeslice::observe
