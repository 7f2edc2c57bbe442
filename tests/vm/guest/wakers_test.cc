// SPDX-License-Identifier: MIT
// Does a reader of the module's files always finish, and with correct figures, while two CPUs wake
// a thread at the same time? A thread whose timer expires between its decision to sleep and its
// sleep is woken by an interrupt that holds no lock, while another CPU may be waking it, too.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "observe/kmod_table.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

constexpr int kSleepers = 6;

int futex_of_all = 0;

// Sleeps of 0.2 to 30 us, on one CPU.
[[noreturn]] void sleep_for_ever(unsigned seed) {
  live::pin_to(0);
  std::minstd_rand random(seed);
  for (;;) {
    const timespec limit{0, static_cast<long>(200 + random() % 30'000)};
    ::syscall(SYS_futex, &futex_of_all, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0);
  }
}

// As an ordinary user: nothing here needs privileges.
void sleepers_and_a_waker() {
  if (::setuid(65534) != 0) ::_exit(97);
  for (unsigned i = 0; i < kSleepers; ++i) std::thread(sleep_for_ever, i + 1).detach();
  live::pin_to(1);
  for (;;) ::syscall(SYS_futex, &futex_of_all, FUTEX_WAKE_PRIVATE, 4, nullptr, nullptr, 0);
}

struct Sums {
  uint64_t wakeups = 0, noted = 0;  // of those, with their wakers
};

Sums sums_of(const ts_sched_row& row) {
  Sums sums;
  sums.wakeups = std::accumulate(std::begin(row.wakeups), std::end(row.wakeups), uint64_t{0});
  for (const ts_peer& peer : row.wakers) sums.noted += peer.count;
  return sums;
}

void check_row(const ts_sched_row& row, uint64_t& wakeups_before) {
  const Sums sums = sums_of(row);
  CHECK(sums.wakeups >= wakeups_before);
  CHECK(sums.noted <= sums.wakeups);
  CHECK(sums.wakeups + 1 >= row.voluntary);  // no sleep ended by itself
  CHECK(std::accumulate(std::begin(row.wait_hist), std::end(row.wait_hist), uint64_t{0}) ==
        row.waits);
  wakeups_before = sums.wakeups;
}

// The results of many reads.
struct Looks {
  uint64_t whole = 0, unsettled = 0;  // rows
  std::map<uint32_t, Sums> threads;

  [[nodiscard]] Sums sum() const {
    Sums all;
    for (const auto& [tid, sums] : threads) {
      all.wakeups += sums.wakeups;
      all.noted += sums.noted;
    }
    return all;
  }
};

void look(Looks& looks, uint32_t tgid) {
  observe::KmodThreads now;
  parse_kmod_threads(read_in_steps(kThreads, 1 << 16), now);
  for (size_t i = 0; i < now.rows.size(); ++i) {
    if (now.rows[i].tgid != tgid || now.rows[i].tid == tgid) continue;
    if (now.scheds[i].record.kind != TS_RECORD_SCHED) {
      ++looks.unsettled;
      continue;
    }
    ++looks.whole;
    Sums& before = looks.threads[now.rows[i].tid];
    check_row(now.scheds[i], before.wakeups);
    before = sums_of(now.scheds[i]);
  }
}

}  // namespace

// With the build whose handlers are prolonged while they write. Whether two wakers meet is up to
// chance here; the self-test makes them.
VM_TEST_CASE("threads that two CPUs wake at the same time don't block a reader") {
  const Module module("selftest=1", kLingeringModule);
  const live::Child child(sleepers_and_a_waker);
  Looks looks;
  const auto enough = [&] {
    look(looks, static_cast<uint32_t>(child.pid()));
    return looks.whole >= 200 && looks.sum().wakeups > 1'000;
  };
  CHECK(live::until(enough));
  const Sums sums = looks.sum();
  std::printf(
      "\nTABLE woken by two CPUs: %llu times, %llu while another waker was at it; "
      "%llu rows read, %llu not settled\n",
      static_cast<unsigned long long>(sums.wakeups),
      static_cast<unsigned long long>(sums.wakeups - sums.noted),
      static_cast<unsigned long long>(looks.whole),
      static_cast<unsigned long long>(looks.unsettled));
}

}  // namespace timeslice::vm
