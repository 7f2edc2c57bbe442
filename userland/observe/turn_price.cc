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
#include "observe/process_maps.h"

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

// What a probe on a function is measured with. As libuv's functions in Node's builds do, it begins
// with a push, which the kernel performs itself; almost any other instruction it steps over in the
// process, by a second trap.
#if defined(__x86_64__)
extern "C" void timeslice_begin_phase(const void* loop);
asm(".pushsection .text\n"
    ".type timeslice_begin_phase, @function\n"
    "timeslice_begin_phase:\n"
    "  push %rbp\n"
    "  pop %rbp\n"
    "  ret\n"
    ".size timeslice_begin_phase, . - timeslice_begin_phase\n"
    ".popsection\n");
#else
[[gnu::noinline]] void timeslice_begin_phase(const void* loop) {
  asm volatile("" : : "r"(loop) : "memory");
}
#endif

// Where that is in our own file; absent where its mapping isn't found.
std::optional<PhasePlace> own_phase() {
  const auto address = reinterpret_cast<uint64_t>(&timeslice_begin_phase);
  for (const Mapping& mapping : read_maps(static_cast<uint32_t>(getpid())))
    if (mapping.executable && address >= mapping.start && address < mapping.end)
      return PhasePlace{address - mapping.start + mapping.offset, TS_PHASE_CHECK};
  return std::nullopt;
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

double phase_price_ns(TurnProbes& probes, const void* loop) {
  const auto place = own_phase();
  if (!place) throw Failure("cannot measure what probes cost: /proc doesn't show our own memory");
  const auto call = [&] { timeslice_begin_phase(loop); };
  const double without = least_ns(call);
  const auto tgid = static_cast<uint32_t>(getpid());
  probes.attach_phases(tgid, "/proc/self/exe", {&*place, 1});
  const double with = least_ns(call);
  probes.detach_phases(tgid);
  return std::max(with - without, 0.0);
}

}  // namespace

TurnPrice measure_turn_price(TurnProbes& probes, bool phases) {
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) throw failure_from_errno("cannot measure what probes cost", errno);
  std::atomic<uint64_t> turns = 0;
  const auto tid = static_cast<uint32_t>(gettid());
  const auto address = reinterpret_cast<uint64_t>(&turns);  // any that stands for a loop
  probes.watch({static_cast<uint32_t>(getpid()), tid, address, epoll.get(), address});
  TurnPrice price;
  Least without, with;
  for (int round = 0; round < kRounds; ++round) {
    measure(epoll.get(), turns, without);
    probes.attach(TurnProbes::To::epoll_pwait);
    measure(epoll.get(), turns, with);
    if (phases && !price.phase_ns) price.phase_ns = phase_price_ns(probes, &turns);
    probes.detach();
  }
  probes.forget(tid);
  price.wait_ns = std::max(with.wait_ns - without.wait_ns, 0.0);
  price.other_call_ns = std::max(with.other_call_ns - without.other_call_ns, 0.0);
  return price;
}

}  // namespace timeslice::observe
