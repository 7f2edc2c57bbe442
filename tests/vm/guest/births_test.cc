// SPDX-License-Identifier: MIT
// Is every thread found, however many start at once? New threads take memory from a reserve that a
// worker refills. When it is empty, a real-time kernel has to wait until the worker has run, and
// any other allocates immediately.
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "observe/kmod_table.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

constexpr const char* kSleeper = "sleeper";

bool is_real_time() {
  utsname names{};
  ::uname(&names);
  return std::strstr(names.version, "PREEMPT_RT") != nullptr;
}

void become_real_time() {
  sched_param param{};
  param.sched_priority = 10;
  if (::sched_setscheduler(0, SCHED_FIFO, &param) != 0) ::_exit(97);
}

void begin_sleeper() {
  pthread_attr_t small;
  ::pthread_attr_init(&small);
  ::pthread_attr_setstacksize(&small, 65536);
  pthread_t thread;
  const auto sleep = [](void*) -> void* { return ::pause(), nullptr; };
  if (::pthread_create(&thread, &small, sleep, nullptr) != 0) ::_exit(98);
}

std::atomic<bool> occupied;
std::atomic<int> spinning;

// Keeps all CPUs busy, so that no ordinary thread gets one: not the module's worker either.
void occupy_cores(int cores) {
  occupied = true;
  for (int core = 1; core < cores; ++core)
    std::thread([core] {
      live::pin_to(core);
      become_real_time();
      for (++spinning; occupied;) {
      }
    }).detach();
  while (spinning < cores - 1) std::this_thread::yield();
  live::pin_to(0);
  become_real_time();
}

// Sleepers that are started as fast as possible.
struct Plan {
  size_t sleepers;
  bool worker_runs;
};

void carry_out(const Plan& plan) {
  if (!plan.worker_runs) occupy_cores(static_cast<int>(std::thread::hardware_concurrency()));
  ::prctl(PR_SET_NAME, kSleeper);
  for (size_t i = 0; i < plan.sleepers; ++i) begin_sleeper();
  occupied = false;
}

// They have all started when the constructor returns, and exist as long as this does.
class Burst {
 public:
  explicit Burst(const Plan& plan)
      : child_([this, plan] {
          carry_out(plan);
          if (::write(begun_.in.get(), "x", 1) != 1) ::_exit(99);
          ::pause();
        }) {
    char byte;
    REQUIRE(live::read_fully(begun_.out.get(), &byte, 1));
  }

  struct Birth {
    uint64_t start_ns, since_ns;  // the kernel's, and when the module started to count
  };
  // Those that the module has, in the order of their starts.
  [[nodiscard]] std::vector<Birth> found() const {
    observe::KmodThreads threads;
    parse_kmod_threads(read_in_steps(kThreads, 1 << 16), threads);
    std::vector<Birth> births;
    for (size_t i = 0; i < threads.rows.size(); ++i) {
      const ts_thread_row& row = threads.rows[i];
      if (row.tgid == static_cast<uint32_t>(child_.pid()) && row.tid != row.tgid &&
          row.comm == std::string(kSleeper))
        births.push_back({row.start_ns, threads.scheds[i].since_ns});
    }
    std::sort(births.begin(), births.end(),
              [](const Birth& a, const Birth& b) { return a.start_ns < b.start_ns; });
    return births;
  }

 private:
  live::Pipe begun_;
  live::Child child_;
};

observe::KmodThreads refused() {
  observe::KmodThreads threads;
  parse_kmod_threads(read_in_steps(kThreads, 1 << 16), threads);
  return threads;
}

// One that was found only after the next one had started wasn't found at its start.
size_t found_late(const std::vector<Burst::Birth>& births) {
  size_t late = 0;
  for (size_t i = 0; i + 1 < births.size(); ++i)
    late += births[i].since_ns > births[i + 1].start_ns;
  return late;
}

}  // namespace

VM_TEST_CASE("threads that start in a burst are all found") {
  const Module module;
  constexpr size_t kSleepers = 400;  // more than there is a reserve for
  const Burst burst({.sleepers = kSleepers, .worker_runs = true});
  CHECK(live::until([&] { return burst.found().size() == kSleepers; }));
  CHECK(refused().refused_memory == 0);
}

// With the build that has a reserve for four.
VM_TEST_CASE("new threads that find the reserve empty are added by the worker where necessary") {
  const Module module("", kLingeringModule);
  constexpr size_t kSleepers = 60;
  const Burst burst({.sleepers = kSleepers, .worker_runs = false});
  CHECK(live::until([&] { return burst.found().size() == kSleepers; }));
  CHECK((found_late(burst.found()) > 0) == is_real_time());
  CHECK(refused().refused_memory == 0);
}

VM_TEST_CASE("skipped threads that find the table full are counted") {
  const Module module("max_threads=150", kLingeringModule);
  constexpr size_t kSleepers = 300;
  const uint64_t before = refused().refused_limit;
  const Burst burst({.sleepers = kSleepers, .worker_runs = false});
  const auto accounted = [&] {
    return refused().refused_limit - before + burst.found().size() >= kSleepers;
  };
  CHECK(live::until(accounted));
}

}  // namespace timeslice::vm
