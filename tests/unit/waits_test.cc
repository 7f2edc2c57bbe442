// SPDX-License-Identifier: MIT
// Do wait histograms keep what they promise: no wait lost, no quantile more than 25 % too high?
#include "model/waits.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "model/peers.h"
#include "model/sleep.h"
#include "tests/catch.h"
#include "tests/unit/rows.h"

using namespace timeslice::model;

TEST_CASE("each bucket begins where the previous one ends") {
  for (uint32_t bucket = 1; bucket < TS_WAIT_BUCKETS; ++bucket) {
    const uint64_t floor = ts_wait_bucket_floor_ns(bucket);
    CHECK(ts_wait_bucket(floor) == bucket);
    CHECK(ts_wait_bucket(floor - 1) == bucket - 1);
  }
  CHECK(ts_wait_bucket(0) == 0);
  CHECK(ts_wait_bucket(~0ULL) == TS_WAIT_BUCKETS - 1);
}

TEST_CASE("a quantile is never too low, and at most a quarter too high") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> waits(12, 2);
  for (int round = 0; round < 200; ++round) {
    WaitHistogram hist{};
    std::vector<uint64_t> sample(1 + random() % 500);
    for (uint64_t& ns : sample) {
      ns = 1024 + static_cast<uint64_t>(waits(random));
      ++hist[ts_wait_bucket(ns)];
    }
    std::sort(sample.begin(), sample.end());
    for (const double q : {0.5, 0.9, 0.99, 1.0}) {
      const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(sample.size())));
      const auto truth = static_cast<double>(sample[rank - 1]);
      const auto said = static_cast<double>(*wait_quantile_ns(hist, q));
      CHECK(said > truth);
      CHECK(said <= truth * 1.2501);
    }
  }
}

TEST_CASE("no waits, no quantile") { CHECK(!wait_quantile_ns(WaitHistogram{}, 0.99)); }

TEST_CASE("the difference of two histograms is what was added between") {
  WaitHistogram before{}, after{};
  before[5] = 3;
  after[5] = 10;
  after[9] = 1;
  const WaitHistogram between = waits_between(before, after);
  CHECK(between[5] == 7);
  CHECK(between[9] == 1);
  // Counters of 32 bits may wrap around; their difference doesn't mind.
  before[5] = 0xffffffff;
  after[5] = 4;
  CHECK(waits_between(before, after)[5] == 5);
}

TEST_CASE("a peer's share is what its slot proves") {
  ts_peer slots[TS_PEERS]{};
  slots[0] = {50, 0, 11, 11, TS_CONTEXT_TASK, 0, "often"};
  slots[1] = {40, 35, 12, 12, TS_CONTEXT_TASK, 0, "inherited"};
  slots[2] = {7, 7, 13, 13, TS_CONTEXT_TASK, 0, "unproven"};
  slots[3] = {30, 0, 0, 0, TS_CONTEXT_HARDIRQ, 0, ""};
  const auto peers = peers_of(slots, 100);
  REQUIRE(peers.size() == 3);
  CHECK(peers[0].name == "often");
  CHECK(peers[0].share == Approx(0.5));
  CHECK(peers[1].name == "hardirq");
  CHECK(peers[1].tid == 0);
  CHECK(peers[2].count == 5);
  CHECK(peer_in(slots, 3, 100)->name == "hardirq");
  CHECK(!peer_in(slots, TS_PEERS, 100));
}

TEST_CASE("what a thread sleeps in") {
  ts_process_facts facts{};
  facts.pool_cond = 0x1000;
  facts.pool_cond_size = 48;
  const ts_thread_row sleeper = made_up::thread(1, 2);
  CHECK(sleeps_in(made_up::in_epoll(sleeper, 3), &facts) == "epoll_pwait");
  CHECK(sleeps_in(made_up::in_futex(sleeper, 0x1028), &facts) == "futex: libuv cond");
  CHECK(sleeps_in(made_up::in_futex(sleeper, 0x1030), &facts) == "futex");
  CHECK(sleeps_in(made_up::in_futex(sleeper, 0x1028), nullptr) == "futex");
  ts_thread_row row = sleeper;
  row.syscall_nr = -1;
  CHECK(sleeps_in(row, nullptr) == "page fault or exception");
  row.syscall_nr = 100000;
  CHECK(sleeps_in(row, nullptr) == "syscall 100000");
  row.state = 'R';
  CHECK(sleeps_in(row, nullptr).empty());
  row.state = 'S';
  row.record.have = 0;
  CHECK(sleeps_in(row, nullptr).empty());
}
