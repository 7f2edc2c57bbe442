// SPDX-License-Identifier: MIT
// Do the module, our BPF programs and the kernel's own counters agree on the same threads?
// To the unit for switches and slices, to the nanosecond for run-queue waits. The workloads rest
// while all three are read. The table of the three is printed. Where the module isn't built for a
// kernel, the other two must agree.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/ext_scheduler.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

using live::Cast;
using live::Look;
using live::Truth;

// What one source has counted for a thread.
struct Counts {
  uint64_t voluntary = 0, involuntary = 0, missed = 0, slices = 0, wait_ns = 0;
  bool operator==(const Counts&) const = default;
};

Counts operator-(const Counts& a, const Counts& b) {
  return {a.voluntary - b.voluntary, a.involuntary - b.involuntary, a.missed - b.missed,
          a.slices - b.slices, a.wait_ns - b.wait_ns};
}

Counts counts_of(const Truth& truth) {
  return {truth.nvcsw, truth.nivcsw, 0, truth.slices, truth.run_delay_ns};
}

Counts counts_of(const ts_sched_row* row) {
  REQUIRE(row != nullptr);
  return {row->voluntary, row->involuntary, row->missed, row->waits + row->missed_waits,
          row->wait_sum_ns};
}

void print(const char* who, pid_t tid, const Counts& counts) {
  std::printf("TABLE %8d  %-7s %9llu %9llu %7llu %9llu %14llu\n", tid, who,
              static_cast<unsigned long long>(counts.voluntary),
              static_cast<unsigned long long>(counts.involuntary),
              static_cast<unsigned long long>(counts.missed),
              static_cast<unsigned long long>(counts.slices),
              static_cast<unsigned long long>(counts.wait_ns));
}

struct Subject {
  pid_t tgid, tid;
  Counts kernel;  // before
};

// The kernel's own totals as a row shows them.
void check_totals(const ts_thread_row* row, const Truth& truth) {
  REQUIRE(row != nullptr);
  CHECK(row->nvcsw == truth.nvcsw);
  CHECK(row->nivcsw == truth.nivcsw);
  CHECK(row->cpu_ns == truth.cpu_ns);
  CHECK(row->run_delay_ns == truth.run_delay_ns);
  CHECK(row->slices == truth.slices);
  CHECK(row->state == 'S');
  CHECK(row->pending_wait_ns == 0);
}

uint64_t waits_in(const ts_sched_row* row) {
  uint64_t waits = 0;
  for (const uint32_t count : row->wait_hist) waits += count;
  return waits;
}

// One of the two sources for a workload, and what it had counted before.
struct Looker {
  const char* name;
  std::unique_ptr<Look> look;
  std::vector<Counts> before;

  Counts of(pid_t tid) const { return counts_of(live::sched_of(*look->snapshot, tid)); }
};

std::vector<Looker> lookers_at(const Cast& cast) {
  std::vector<Looker> lookers;
  const auto add = [&](const char* name, std::unique_ptr<observe::Source> source) {
    lookers.push_back({name, std::make_unique<Look>(std::move(source)), {}});
  };
  if (module_was_built()) add("module", observe::open_kmod_source(tgids_of(cast)));
  if (expects_bpf()) add("BPF", observe::open_sched_source(tgids_of(cast)));
  for (Looker& looker : lookers) looker.look->advance();
  return lookers;
}

void check_agreement(const char* workload, const Cast& cast) {
  std::unique_ptr<Module> module;
  if (module_was_built()) module = std::make_unique<Module>();
  std::vector<Looker> lookers = lookers_at(cast);
  REQUIRE_FALSE(lookers.empty());
  std::vector<Subject> subjects;
  for (const auto& one : cast)
    for (const pid_t tid : one->tids()) {
      subjects.push_back({one->pid(), tid, counts_of(live::truth_of(one->pid(), tid))});
      for (Looker& looker : lookers) looker.before.push_back(looker.of(tid));
    }
  run_together(cast);
  for (Looker& looker : lookers) looker.look->advance();
  std::printf("TABLE %8s  %-7s %9s %9s %7s %9s %14s  (%s)\n", "tid", "by", "voluntary", "involunt",
              "missed", "slices", "wait_ns", workload);
  for (size_t i = 0; i < subjects.size(); ++i) {
    const Subject& subject = subjects[i];
    INFO(workload << ", tid " << subject.tid);
    const Truth truth = live::truth_of(subject.tgid, subject.tid);
    const Counts kernel = counts_of(truth) - subject.kernel;
    print("kernel", subject.tid, kernel);
    for (const Looker& looker : lookers) {
      INFO(looker.name);
      const Counts counts = looker.of(subject.tid) - looker.before[i];
      print(looker.name, subject.tid, counts);
      check_totals(live::row_of(*looker.look->snapshot, subject.tid), truth);
      CHECK(counts == kernel);
      const ts_sched_row* row = live::sched_of(*looker.look->snapshot, subject.tid);
      CHECK(waits_in(row) == row->waits);
    }
  }
}

}  // namespace

VM_TEST_CASE("module, BPF and kernel agree on a spinner", "[bpf]") {
  check_agreement("spin", live::spinner());
}

VM_TEST_CASE("module, BPF and kernel agree on two spinners on one CPU", "[bpf]") {
  check_agreement("spin in turns", live::pinned_spinners());
}

VM_TEST_CASE("module, BPF and kernel agree on a sleeper", "[bpf]") {
  check_agreement("200 sleeps", live::sleeper());
}

VM_TEST_CASE("module, BPF and kernel agree on a yielder", "[bpf]") {
  check_agreement("a yielder, and a spinner", live::yielder());
}

VM_TEST_CASE("module, BPF and kernel agree on a ping-pong through pipes", "[bpf]") {
  check_agreement("ping-pong", live::ping_pong());
}

VM_TEST_CASE("module, BPF and kernel agree on a process of four different threads", "[bpf]") {
  check_agreement("mixed threads", live::mixed_threads());
}

namespace {

// As method.md says: only the fair scheduler has it.
void check_vruntime_stands_still(const Cast& spinners) {
  const auto source = observe::open_count_source(tgids_of(spinners));
  const pid_t tid = spinners[0]->pid();
  const ts_thread_row before = *live::row_of(source->read(), tid);
  run_together(spinners);
  const ts_thread_row now = *live::row_of(source->read(), tid);
  CHECK(now.cpu_ns > before.cpu_ns);
  CHECK(now.vruntime_ns == before.vruntime_ns);
}

}  // namespace

// Its figures stay the kernel's: they are counted above the class that a thread is of. Such a
// scheduler comes and goes by rewriting the kernel's code, so the cores take turns (init.sh).
VM_TEST_CASE("module, BPF and kernel agree under a sched_ext scheduler", "[.][alone]") {
  if (!offers_sched_ext()) {  // so this kernel must not know its policy
    const sched_param plain{};
    CHECK(sched_setscheduler(0, kExtPolicy, &plain) == -1);
    return;
  }
  const Cast spinners = live::pinned_spinners(), pong = live::ping_pong();
  const ExtScheduler scheduler;
  for (const Cast* cast : {&spinners, &pong})
    for (const auto& one : *cast) REQUIRE(is_ruled_by_sched_ext(one->pid()));
  check_agreement("sched_ext: spin in turns", spinners);
  check_agreement("sched_ext: ping-pong", pong);
  check_vruntime_stands_still(spinners);
}

namespace {

bool holds(const ts_peer (&peers)[TS_PEERS], pid_t tid) {
  return std::any_of(std::begin(peers), std::end(peers), [&](const ts_peer& peer) {
    return peer.tid == static_cast<uint32_t>(tid) && peer.count > 0;
  });
}

uint64_t sum_of(const ts_peer (&peers)[TS_PEERS]) {
  uint64_t sum = 0;
  for (const ts_peer& peer : peers) sum += peer.count;
  return sum;
}

}  // namespace

VM_TEST_CASE("a preemptor is named") {
  const Module module;
  // Of two equal spinners neither need ever come straight after the other: a kernel thread may run
  // in between each time. Nothing comes between a spinner and the real-time thread that wakes up.
  Cast pair;
  pair.push_back(std::make_unique<live::Workload>(std::vector<live::Leg>{[] {
    live::pin_to(0);
    live::spin(std::chrono::milliseconds(100));
  }}));
  pair.push_back(std::make_unique<live::Workload>(std::vector<live::Leg>{[] {
    live::pin_to(0);
    const sched_param urgent{.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &urgent) != 0) _exit(98);
    live::nap(20);
  }}));
  const auto source = observe::open_kmod_source({});
  // One round is mostly enough; but a guest that stalls for a while may let one end before the
  // other starts.
  bool named = false;
  for (int round = 0; round < 50 && !named; ++round) {
    run_together(pair);
    const Snapshot& now = source->read();
    const ts_sched_row* spinner = live::sched_of(now, pair[0]->tids()[0]);
    REQUIRE(spinner != nullptr);
    CHECK(sum_of(spinner->preemptors) == spinner->involuntary);
    named = holds(spinner->preemptors, pair[1]->tids()[0]);
  }
  CHECK(named);
}

VM_TEST_CASE("a waker is named") {
  const Module module;
  const Cast pong = live::ping_pong();
  const auto source = observe::open_kmod_source({});
  const ts_sched_row* player = nullptr;
  // On two CPUs an answer may arrive before the thread that waits for it has gone to sleep.
  for (int round = 0; round < 50 && (!player || player->voluntary <= 50); ++round) {
    run_together(pong);
    player = live::sched_of(source->read(), pong[0]->tids()[0]);
    REQUIRE(player != nullptr);
  }
  CHECK(holds(player->wakers, pong[1]->tids()[0]));
  CHECK(player->voluntary > 50);
  // Each of its sleeps ended by a write of the other's, except those at the gate.
  CHECK(player->wakeups[TS_CONTEXT_TASK] + 1 >= player->voluntary);
}

}  // namespace timeslice::vm
