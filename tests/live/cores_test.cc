// SPDX-License-Identifier: MIT
// Do the cores' figures add up? Their switches to the kernel's own sum, their busy and idle time to
// the time that passed.
#include <unistd.h>

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

// Busy and idle together are the time between two passes, but for how far the clock they are taken
// from lags behind.
void check_time(observe::Source& source, double tolerance_s) {
  std::vector<ts_core_row> before = source.read().cores;
  const uint64_t begin = source.read().header.time_ns;
  run_together(spinner());
  const Snapshot& now = source.read();
  const double elapsed = static_cast<double>(now.header.time_ns - begin) / 1e9;
  uint64_t busy = 0;
  for (const ts_core_row& core : now.cores) {
    for (const ts_core_row& old : before) {
      if (old.cpu != core.cpu) continue;
      REQUIRE((core.record.have & TS_HAVE_CORE_BUSY) != 0);
      const uint64_t passed = core.busy_ns - old.busy_ns + core.idle_ns - old.idle_ns;
      INFO("core " << core.cpu);
      CHECK(std::abs(static_cast<double>(passed) / 1e9 - elapsed) <= tolerance_s);
      busy += core.busy_ns - old.busy_ns;
    }
  }
  CHECK(busy >= 250'000'000);  // the spinner alone takes 300 ms
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
  check_time(*observe::open_count_source({}), 0.05);  // /proc/stat has ticks of 10 ms
}

TEST_CASE("a CPU's busy and idle time add up to the elapsed time, in aggregate mode") {
  const auto source = observe::open_sched_source({});
  // A core's time begins with its first switch under our eyes.
  const auto all_have_begun = [&] {
    for (const ts_core_row& core : source->read().cores)
      if (core.busy_ns + core.idle_ns == 0) return false;
    return true;
  };
  REQUIRE(until(all_have_begun));
  check_time(*source, 0.02);
}

// /proc/stat's idle time is the one figure there that the kernel measures instead of sampling.
TEST_CASE("the CPUs' idle time is the kernel's, in aggregate mode") {
  const auto probes = observe::open_sched_source({});
  const auto kernel = observe::open_count_source({});
  const auto idle_ns = [](const Snapshot& snapshot) {
    uint64_t sum = 0;
    for (const ts_core_row& core : snapshot.cores) sum += core.idle_ns;
    return static_cast<double>(sum);
  };
  const double ours_before = idle_ns(probes->read()), truth_before = idle_ns(kernel->read());
  for (int i = 0; i < 4; ++i) run_together(sleeper());
  const double ours = idle_ns(probes->read()) - ours_before;
  const double truth = idle_ns(kernel->read()) - truth_before;
  // Ticks of 10 ms on each core at either end, and a core's first stretch, which nobody saw begin.
  CHECK(std::abs(ours - truth) <= 0.06e9 * static_cast<double>(cores_online()));
}

TEST_CASE("a CPU with a spinner is busy and has a queue") {
  Look look(observe::open_sched_source({}));
  look.advance();
  const Cast cast = pinned_spinners();
  for (const auto& workload : cast) workload->start();
  const bool seen = until([&] {
    for (const model::Core& core : look.advance().cores)
      if (core.queue_len.value_or(0) >= 2 && core.busy_ratio.value_or(0) > 0.9 &&
          core.busy_ratio.value_or(2) <= 1)
        return true;
    return false;
  });
  for (const auto& workload : cast) workload->rest();
  CHECK(seen);
}

}  // namespace timeslice::live
