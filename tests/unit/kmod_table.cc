// SPDX-License-Identifier: MIT
// Are the module's files read as they are written, and is anything else refused with a sentence?
#include "observe/kmod_table.h"

#include <cstring>
#include <random>
#include <string>

#include "base/failure.h"
#include "tests/catch.h"

using namespace timeslice;
using observe::KmodCores;
using observe::KmodThreads;

namespace {

const std::string kHead =
    "timeslice 1 threads time_ns 5278987950 observed 55 refused_limit 3 refused_memory 1\n"
    "    tid    tgid    ppid st core prio nice policy flags and so on\n";

// As Linux 6.1's guest wrote it, with the last columns filled by hand.
const std::string kSleeper =
    "    107     107      99  S    1   20    0      0    --        501          4         "
    "1205752941"
    "       70596571            0        505       27        501          4      0        504      "
    "1"
    "       70596571      8211200        497          2          1 test\\040vm\\072\\054 340000000"
    " 2532549471 77 81000000 9 2 0 3 140722 1 0 140735 5278000000 1 0"
    " t:108:3:0:spin\\055ner;t:9:1:0:rcu t:108:497:0:peer;s:0:2:1:- 3:500,17:4\n";
const std::string kKernelThread =
    "      2       0       0  I    0    0  -20      0    K-          2          0            "
    "1234441"
    "         -            -        -        2          0          0      0          0      0"
    "              0            0          0          0          0 - 464000000 119304713 1"
    " - - - - - - - - - 5261890400 4 4 - - -\n";

KmodThreads parsed(const std::string& text) {
  KmodThreads threads;
  parse_kmod_threads(text, threads);
  return threads;
}

}  // namespace

TEST_CASE("a row of the module's threads becomes a row of each kind") {
  const KmodThreads threads = parsed(kHead + kSleeper + kKernelThread);
  CHECK(threads.time_ns == 5278987950);
  CHECK(threads.refused_limit == 3);
  CHECK(threads.refused_memory == 1);
  REQUIRE(threads.rows.size() == 2);
  REQUIRE(threads.scheds.size() == 2);
  const ts_thread_row& row = threads.rows[0];
  CHECK(row.tid == 107);
  CHECK(row.ppid == 99);
  CHECK(row.state == 'S');
  CHECK(row.cpu == 1);
  CHECK(row.prio == 20);
  CHECK(row.nvcsw == 501);
  CHECK(row.nivcsw == 4);
  CHECK(row.cpu_ns == 1205752941);
  CHECK(row.run_delay_ns == 70596571);
  CHECK(row.slices == 505);
  CHECK(row.migrations == 27);
  CHECK(std::string(row.comm) == "test vm:,");
  CHECK(row.cgroup_id == 77);
  CHECK(row.ended_cpu_ns == 81000000);
  CHECK(row.ended_nvcsw == 9);
  CHECK(row.ended_nivcsw == 2);
  CHECK((row.record.have & TS_HAVE_ENDED_CPU) != 0);
  CHECK((row.record.have & TS_HAVE_ENDED_SWITCHES) != 0);
  CHECK(row.syscall_nr == 0);
  CHECK(row.syscall_args[1] == 140722);
  CHECK(row.user_sp == 140735);
  CHECK((row.record.have & TS_HAVE_SYSCALL) != 0);
  CHECK((row.flags & TS_THREAD_KERNEL) == 0);
  const ts_sched_row& sched = threads.scheds[0];
  CHECK(sched.voluntary == 501);
  CHECK(sched.involuntary == 4);
  CHECK(sched.waits == 504);
  CHECK(sched.missed_waits == 1);
  CHECK(sched.wait_max_ns == 8211200);
  CHECK(sched.wakeups[TS_CONTEXT_TASK] == 497);
  CHECK(sched.wakeups[TS_CONTEXT_SOFTIRQ] == 2);
  CHECK(sched.wakeups[TS_CONTEXT_HARDIRQ] == 1);
  CHECK(sched.last_preemptor == 1);
  CHECK(sched.preemptors[0].count == 3);
  CHECK(std::string(sched.preemptors[0].comm) == "spin-ner");
  CHECK(sched.preemptors[2].count == 0);
  CHECK(sched.wakers[1].context == TS_CONTEXT_SOFTIRQ);
  CHECK(sched.wakers[1].error == 1);
  CHECK(sched.wait_hist[3] == 500);
  CHECK(sched.wait_hist[17] == 4);
}

TEST_CASE("what the kernel doesn't provide is absent, not 0") {
  const KmodThreads threads = parsed(kHead + kKernelThread);
  const ts_thread_row& row = threads.rows.at(0);
  CHECK((row.record.have & (TS_HAVE_WAIT | TS_HAVE_PENDING | TS_HAVE_SYSCALL)) == 0);
  CHECK((row.record.have & (TS_HAVE_ENDED_CPU | TS_HAVE_ENDED_SWITCHES)) == 0);
  CHECK((row.record.have & TS_HAVE_SWITCHES) != 0);
  CHECK((row.flags & TS_THREAD_KERNEL) != 0);
  CHECK(row.syscall_nr == -1);
  CHECK(row.comm[0] == '\0');
  CHECK(threads.scheds.at(0).last_preemptor == TS_PEERS);
}

TEST_CASE("figures that couldn't be read consistently make no row, and break no other") {
  const std::string unsettled =
      "    108     107      99  S    1   20    0      0    --        501          4         "
      "1205752941"
      "       70596571            0        505       27          -          -      -          -    "
      "  "
      "-              -            -          -          -          - peer 340000000 2532549471 77 "
      "- - - - -"
      " - - - - 5278000000 - - - - -\n";
  const KmodThreads threads = parsed(kHead + unsettled + kSleeper);
  REQUIRE(threads.rows.size() == 2);
  CHECK(threads.rows[0].nvcsw == 501);
  CHECK(threads.scheds[0].record.kind == 0);
  CHECK(threads.scheds[0].last_waker == TS_PEERS);
  CHECK(threads.scheds[1].record.kind == TS_RECORD_SCHED);
  CHECK(threads.scheds[1].voluntary == 501);

  KmodCores cores;
  parse_kmod_cores(
      "timeslice 1 cores time_ns 5\n core online and so on\n"
      "    0      1              -                  -                  -         -     3 0 0 0 0\n",
      cores);
  REQUIRE(cores.rows.size() == 1);
  CHECK(cores.rows[0].record.have == TS_HAVE_CORE_QUEUE);
  CHECK(cores.rows[0].queue_len == 3);
}

TEST_CASE("a reader without access to machine-wide figures can read its threads") {
  const KmodThreads threads = parsed(
      "timeslice 1 threads time_ns 5 observed - refused_limit - refused_memory -\n headings\n" +
      kSleeper);
  CHECK(threads.rows.size() == 1);
  CHECK(threads.refused_limit == 0);
}

TEST_CASE("offline CPUs have no rows") {
  KmodCores cores;
  parse_kmod_cores(
      "timeslice 1 cores time_ns 5\n core online and so on\n"
      "    0      1             10           34369250            3923700         2     1    0 0 0 "
      "0\n"
      "    1      0             14            5214790           31385900         0     0    0 0 0 "
      "0\n",
      cores);
  REQUIRE(cores.rows.size() == 1);
  CHECK(cores.rows[0].switches == 10);
  CHECK(cores.rows[0].busy_ns == 34369250);
  CHECK(cores.rows[0].idle_ns == 3923700);
  CHECK(cores.rows[0].queue_len == 1);
  CHECK(cores.unseeded_switches == 2);
}

TEST_CASE("another version or format is refused") {
  for (const std::string text : {"", "\n\n", "timeslice 2 threads time_ns 1\n\n", "hello world\n"})
    CHECK_THROWS_AS(parsed(text), Failure);
  KmodCores cores;
  CHECK_THROWS_AS(parse_kmod_cores(kHead, cores), Failure);
}

TEST_CASE("a truncated or corrupted row is read or refused, without overrunning") {
  for (size_t length = 0; length < kSleeper.size(); ++length) {
    try {
      parsed(kHead + kSleeper.substr(0, length));
    } catch (const Failure&) {
    }
  }
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = kHead + kSleeper + kKernelThread;
    for (int broken = 0; broken < 3; ++broken)
      text[random() % text.size()] = "0 9-;:,\\\n\377t"[random() % 12];
    try {
      for (const ts_sched_row& row : parsed(text).scheds) CHECK(row.last_waker <= TS_PEERS);
    } catch (const Failure&) {
    }
  }
}
