// SPDX-License-Identifier: MIT
// Do the cores' figures add up? Their switches to the kernel's own sum, their busy and idle time to
// the time that passed.
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"
#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

size_t cores_online() { return static_cast<size_t>(sysconf(_SC_NPROCESSORS_ONLN)); }

uint64_t switches_in(const Snapshot& snapshot) {
  uint64_t sum = 0;
  for (const ts_core_row& core : snapshot.cores) sum += core.switches;
  return sum;
}

// The pass lies between two looks at the kernel's sum, and so must its own: exactly, for the
// machine goes on switching and nothing can be allowed for.
void check_switches(observe::Source& source) {
  for (int i = 0; i < 20; ++i) {
    const uint64_t before = machine_switches();
    const Snapshot& snapshot = source.read();
    const uint64_t after = machine_switches();
    REQUIRE(snapshot.cores.size() == cores_online());
    for (const ts_core_row& core : snapshot.cores)
      REQUIRE((core.record.have & TS_HAVE_CORE_SWITCHES) != 0);
    CHECK(switches_in(snapshot) >= before);
    CHECK(switches_in(snapshot) <= after);
  }
}

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// Busy and idle together are the time between two passes, each at some moment of its own; but for
// how coarse the clock is that they are taken from.
void check_time(observe::Source& source, double tolerance_s) {
  const auto outer_begin = Clock::now();
  const std::vector<ts_core_row> before = source.read().cores;
  const auto inner_begin = Clock::now();
  run_together(spinner());
  const auto inner_end = Clock::now();
  const Snapshot& now = source.read();
  const auto outer_end = Clock::now();
  uint64_t busy = 0;
  for (const ts_core_row& core : now.cores) {
    for (const ts_core_row& old : before) {
      if (old.cpu != core.cpu) continue;
      REQUIRE((core.record.have & TS_HAVE_CORE_BUSY) != 0);
      const uint64_t passed = core.busy_ns - old.busy_ns + core.idle_ns - old.idle_ns;
      INFO("core " << core.cpu);
      CHECK(static_cast<double>(passed) / 1e9 >= seconds(inner_end - inner_begin) - tolerance_s);
      CHECK(static_cast<double>(passed) / 1e9 <= seconds(outer_end - outer_begin) + tolerance_s);
      busy += core.busy_ns - old.busy_ns;
    }
  }
  CHECK(busy >= 250'000'000);  // the spinner alone takes 300 ms
}

// A core's time begins with its first switch under our eyes.
void await_all_cores(observe::Source& source) {
  REQUIRE(until([&] {
    const Snapshot& now = source.read();
    return std::all_of(now.cores.begin(), now.cores.end(),
                       [](const ts_core_row& core) { return core.busy_ns + core.idle_ns != 0; });
  }));
}

// While it is there, this thread stays on the core that it is on.
class Staying {
 public:
  Staying() {
    REQUIRE(sched_getaffinity(0, sizeof before_, &before_) == 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core_, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  }
  ~Staying() { sched_setaffinity(0, sizeof before_, &before_); }
  Staying(const Staying&) = delete;
  Staying& operator=(const Staying&) = delete;

  [[nodiscard]] ts_core_row row_in(const Snapshot& snapshot) const {
    for (const ts_core_row& row : snapshot.cores)
      if (row.cpu == static_cast<uint32_t>(core_)) return row;
    return {};
  }

 private:
  int core_ = sched_getcpu();
  cpu_set_t before_{};
};

long own_switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

}  // namespace

TEST_CASE("the CPUs' switches are the kernel's, in count mode") {
  check_switches(*observe::open_count_source({}));
}

TEST_CASE("the CPUs' switches are the kernel's, in aggregate mode") {
  check_switches(*observe::open_sched_source({}));
}

TEST_CASE("a filter hides threads, never CPUs") {
  const Cast cast = sleeper();
  const auto source = observe::open_count_source(tgids_of(cast));
  check_switches(*source);
  CHECK(source->read().threads.size() == 1);
}

TEST_CASE("a CPU's busy and idle time add up to the elapsed time, in count mode") {
  // /proc/stat has ticks of 10 ms, and what ran at a tick has had the whole of it.
  check_time(*observe::open_count_source({}), 0.15);
}

TEST_CASE("a CPU's busy and idle time add up to the elapsed time, in aggregate mode") {
  const auto source = observe::open_sched_source({});
  await_all_cores(*source);
  check_time(*source, 0.001);
}

// /proc/stat's idle time is the one figure there that the kernel measures instead of sampling.
TEST_CASE("the CPUs' idle time is the kernel's, in aggregate mode") {
  const auto probes = observe::open_sched_source({});
  const auto kernel = observe::open_count_source({});
  await_all_cores(*probes);
  const auto idle_ns = [](const Snapshot& snapshot) {
    uint64_t sum = 0;
    for (const ts_core_row& core : snapshot.cores) sum += core.idle_ns;
    return static_cast<double>(sum);
  };
  const auto begin = Clock::now();
  const double ours_before = idle_ns(probes->read()), truth_before = idle_ns(kernel->read());
  double between = seconds(Clock::now() - begin);
  for (int i = 0; i < 4; ++i) run_together(sleeper());
  const auto end = Clock::now();
  const double ours = idle_ns(probes->read()) - ours_before;
  const double truth = idle_ns(kernel->read()) - truth_before;
  between += seconds(Clock::now() - end);
  // Ticks of 10 ms on each core at either end, and what passes between the two looks.
  CHECK(std::abs(ours - truth) <= (0.06 + between) * 1e9 * static_cast<double>(cores_online()));
}

// Its counters end with its last switch; what came since is the reader's to add, which runs there.
TEST_CASE("a CPU that doesn't switch between two passes of its own is busy, in aggregate mode") {
  const auto source = observe::open_sched_source({static_cast<uint32_t>(getpid())});
  await_all_cores(*source);
  const Staying here;
  uint64_t busy_ns = 0, idle_ns = 0;
  Clock::duration inner{}, outer{};
  REQUIRE(until([&] {  // we aren't interrupted
    const long switches = own_switches();
    const auto outer_begin = Clock::now();
    const ts_core_row before = here.row_in(source->read());
    const auto inner_begin = Clock::now();
    spin(100us);
    inner = Clock::now() - inner_begin;
    const ts_core_row after = here.row_in(source->read());
    outer = Clock::now() - outer_begin;
    busy_ns = after.busy_ns - before.busy_ns;
    idle_ns = after.idle_ns - before.idle_ns;
    return own_switches() == switches;
  }));
  CHECK(idle_ns == 0);
  CHECK(busy_ns >= static_cast<uint64_t>(inner.count()));
  CHECK(busy_ns <= static_cast<uint64_t>(outer.count()));
}

TEST_CASE("a CPU with a spinner is busy and has a queue") {
  Look look(observe::open_sched_source({}));
  look.advance();
  const Cast cast = pinned_spinners();
  bool seen = false;
  for (int round = 0; round < 50 && !seen; ++round) {
    for (const auto& workload : cast) workload->start();
    seen = until(
        [&] {
          for (const model::Core& core : look.advance().cores)
            if (core.queue_len.value_or(0) >= 2 && core.busy_ratio.value_or(0) > 0.9 &&
                core.busy_ratio.value_or(2) <= 1)
              return true;
          return false;
        },
        300ms);  // while they surely spin
    for (const auto& workload : cast) workload->rest();
  }
  CHECK(seen);
}

}  // namespace timeslice::live
