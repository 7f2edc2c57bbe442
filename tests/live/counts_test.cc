// SPDX-License-Identifier: MIT
// Is what we read of a thread what the kernel says of it, to the unit, in every mode that reads
// without a probe? The workloads rest while both are read, so there is nothing to allow for.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/catch.h"
#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/workloads.h"

namespace timeslice::live {

namespace {

constexpr double kNsPerS = 1e9;

void check_row(const ts_thread_row* row, const Truth& truth) {
  REQUIRE(row != nullptr);
  const uint32_t wanted = TS_HAVE_SWITCHES | TS_HAVE_CPU | TS_HAVE_WAIT;
  CHECK((row->record.have & wanted) == wanted);
  CHECK(row->nvcsw == truth.nvcsw);
  CHECK(row->nivcsw == truth.nivcsw);
  CHECK(row->cpu_ns == truth.cpu_ns);
  CHECK(row->run_delay_ns == truth.run_delay_ns);
  CHECK(row->slices == truth.slices);
  CHECK(row->pending_wait_ns == 0);
  CHECK(row->state == 'S');
}

void check_rates(const model::Frame& frame, const Truth& before, const Truth& now, pid_t tid) {
  const model::Thread* thread = thread_of(frame, tid);
  REQUIRE(thread != nullptr);
  REQUIRE(frame.interval_s);
  const double seconds = *frame.interval_s;
  const auto growth = [](uint64_t from, uint64_t to) { return static_cast<double>(to - from); };
  REQUIRE(thread->nvcsw_per_s);
  REQUIRE(thread->nivcsw_per_s);
  REQUIRE(thread->cpu_pct);
  REQUIRE(thread->wait_ms_per_s);
  CHECK(*thread->nvcsw_per_s * seconds == Approx(growth(before.nvcsw, now.nvcsw)));
  CHECK(*thread->nivcsw_per_s * seconds == Approx(growth(before.nivcsw, now.nivcsw)));
  CHECK(*thread->cpu_pct * seconds * kNsPerS / 100 == Approx(growth(before.cpu_ns, now.cpu_ns)));
  CHECK(*thread->wait_ms_per_s * seconds * 1e6 ==
        Approx(growth(before.run_delay_ns, now.run_delay_ns)));
}

struct Subject {
  pid_t tgid, tid;
  Truth before;
};

std::vector<Subject> subjects_of(const Cast& cast) {
  std::vector<Subject> subjects;
  for (const auto& workload : cast)
    for (const pid_t tid : workload->tids())
      subjects.push_back({workload->pid(), tid, truth_of(workload->pid(), tid)});
  return subjects;
}

// What the workload did, summed over its threads.
Truth check_counts(const Cast& cast) {
  Look modes[] = {Look(observe::open_count_source(tgids_of(cast))),
                  Look(observe::open_sched_source(tgids_of(cast))),
                  Look(observe::open_proc_source(tgids_of(cast)))};
  const std::vector<Subject> subjects = subjects_of(cast);
  for (Look& mode : modes) mode.advance();
  run_together(cast);
  Truth sum;
  for (Look& mode : modes) {
    INFO("mode " << name_of(mode.source->mode()));
    const model::Frame& frame = mode.advance();
    CHECK(frame.threads.size() == subjects.size());
    for (const Subject& subject : subjects) {
      const Truth now = truth_of(subject.tgid, subject.tid);
      check_row(row_of(*mode.snapshot, subject.tid), now);
      check_rates(frame, subject.before, now, subject.tid);
      sum.nvcsw += now.nvcsw - subject.before.nvcsw;
      sum.nivcsw += now.nivcsw - subject.before.nivcsw;
    }
  }
  sum.nvcsw /= std::size(modes);
  sum.nivcsw /= std::size(modes);
  return sum;
}

// The last switch of every leg is the voluntary one at the gate.
constexpr uint64_t kGate = 1;

std::vector<int> allowed_cores() {
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  std::vector<int> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cores.push_back(cpu);
  return cores;
}

bool move_to(pid_t tid, int core) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  return sched_setaffinity(tid, sizeof one, &one) == 0;
}

}  // namespace

TEST_CASE("a spinner's counts are the kernel's") {
  const Truth did = check_counts(spinner());
  CHECK(did.nvcsw <= kGate + 2);
}

TEST_CASE("the counts of two spinners on one CPU are the kernel's") {
  const Truth did = check_counts(pinned_spinners());
  CHECK(did.nvcsw <= 2 * (kGate + 2));
  CHECK(did.nivcsw >= 20);  // 10 times each lost the core to the other
}

// Where the machine isn't all ours, a nap may be over before it has begun.
TEST_CASE("a sleeper's counts are the kernel's: 200 sleeps are 200 voluntary switches") {
  const Truth did = check_counts(sleeper());
  CHECK(did.nvcsw >= 100 + kGate);
  CHECK(did.nvcsw <= 200 + kGate + 2);
}

TEST_CASE("a yielder's counts are the kernel's: sched_yield is an involuntary switch") {
  const Cast cast = yielder();
  const Truth before = truth_of(cast[0]->pid(), cast[0]->pid());
  check_counts(cast);
  const Truth now = truth_of(cast[0]->pid(), cast[0]->pid());
  CHECK(now.nvcsw - before.nvcsw <= kGate + 2);
  CHECK(now.nivcsw - before.nivcsw >= 20);
}

TEST_CASE("the counts of a ping-pong through pipes are the kernel's") {
  check_counts(ping_pong());
  const Truth did = check_counts(pinned_ping_pong());
  CHECK(did.nvcsw + did.nivcsw >= 2 * 499);  // each had the core in each round
}

TEST_CASE("the counts of a process of four different threads are the kernel's") {
  const Truth did = check_counts(mixed_threads());
  CHECK(did.nvcsw >= 50);
}

TEST_CASE("a sleeper that is migrated while still queued has no wait") {
  const std::vector<int> cores = allowed_cores();
  if (cores.size() < 2) SKIP_TEST("one core: nobody can be moved");
  constexpr int kRounds = 60;
  Workload rival({[] {
    pin_to(0);
    setpriority(PRIO_PROCESS, 0, -5);
    spin(10s);
  }});
  Workload sleeper({[] {
    pin_to(0);
    spin(3ms);  // more than its share, which the kernel lets it pay in its sleep
  }});
  Look look(observe::open_count_source({static_cast<uint32_t>(sleeper.pid())}));
  rival.start();
  for (int i = 0; i < kRounds; ++i) {
    sleeper.start();
    while (state_of(sleeper.pid(), sleeper.pid()) != 'S') {
    }
    REQUIRE(move_to(sleeper.pid(), cores[1]));
    look.advance();
    const ts_thread_row* row = row_of(*look.snapshot, sleeper.pid());
    REQUIRE(row != nullptr);
    CHECK(row->state == 'S');
    CHECK(row->pending_wait_ns == 0);
    sleeper.rest();
  }
}

TEST_CASE("all modes agree about a thread") {
  const Cast cast = mixed_threads();
  Look count(observe::open_count_source(tgids_of(cast)));
  Look proc(observe::open_proc_source(tgids_of(cast)));
  count.advance();
  proc.advance();
  for (const pid_t tid : cast[0]->tids()) {
    const ts_thread_row* ours = row_of(*count.snapshot, tid);
    const ts_thread_row* files = row_of(*proc.snapshot, tid);
    REQUIRE(ours != nullptr);
    REQUIRE(files != nullptr);
    CHECK(ours->tgid == static_cast<uint32_t>(cast[0]->pid()));
    CHECK(ours->tgid == files->tgid);
    CHECK(ours->ppid == static_cast<uint32_t>(getpid()));
    CHECK(ours->ppid == files->ppid);
    CHECK(ours->cpu == files->cpu);
    CHECK(ours->prio == files->prio);
    CHECK(ours->nice == files->nice);
    CHECK(ours->policy == files->policy);
    CHECK(ours->state == files->state);
    CHECK(std::string(ours->comm) == files->comm);
    CHECK(ours->syscall_nr == SYS_read);
    CHECK(ours->syscall_nr == files->syscall_nr);
    CHECK(ours->syscall_args[0] == files->syscall_args[0]);
    CHECK(ours->user_sp == files->user_sp);
    // The file has clock ticks of 10 ms.
    CHECK(ours->start_ns / 10'000'000 == files->start_ns / 10'000'000);
  }
}

TEST_CASE("a zombie sleeps in nothing, in every mode") {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) _exit(0);
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0);
  const std::vector<uint32_t> tgids = {static_cast<uint32_t>(pid)};
  for (auto* open : {observe::open_count_source, observe::open_proc_source}) {
    Look look(open(tgids));
    const model::Thread* thread = thread_of(look.advance(), pid);
    INFO(name_of(look.source->mode()));
    CHECK(thread != nullptr);
    if (thread == nullptr) continue;
    CHECK(thread->row.state == 'Z');
    CHECK((thread->row.record.have & TS_HAVE_SYSCALL) == 0);
    CHECK(thread->sleeps_in == "");
  }
  CHECK(waitpid(pid, nullptr, 0) == pid);
}

}  // namespace timeslice::live
