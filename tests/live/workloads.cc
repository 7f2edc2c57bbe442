// SPDX-License-Identifier: MIT
#include "tests/live/workloads.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/live/kernel_truth.h"

namespace timeslice::live {

namespace {

void write_byte(int fd) {
  const char byte = 0;
  if (::write(fd, &byte, 1) != 1) _exit(98);
}

void read_byte(int fd) {
  char byte;
  if (::read(fd, &byte, 1) != 1) _exit(98);
}

// The caller's involuntary switches.
long times_preempted() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

std::unique_ptr<Workload> alone(Leg leg) {
  return std::make_unique<Workload>(std::vector<Leg>{std::move(leg)});
}

template <typename... Workloads>
Cast cast_of(Workloads... workloads) {
  Cast cast;
  (cast.push_back(std::move(workloads)), ...);
  return cast;
}

}  // namespace

Workload::Workload(std::vector<Leg> legs, pid_t wanted)
    : legs_(std::move(legs)),
      gates_(legs_.size()),
      tids_(legs_.size()),
      child_([this] { live(); }, wanted) {
  rest();
}

void Workload::live() const {
  std::vector<std::thread> others;
  for (uint32_t i = 1; i < legs_.size(); ++i) others.emplace_back([this, i] { thread_main(i); });
  thread_main(0);
}

void Workload::thread_main(uint32_t index) const {
  for (;;) {
    const Report report{index, gettid()};
    if (::write(reports_.in.get(), &report, sizeof(report)) != sizeof(report)) _exit(98);
    read_byte(gates_[index].out.get());
    legs_[index]();
  }
}

void Workload::start() {
  for (const Pipe& gate : gates_) write_byte(gate.in.get());
}

void Workload::rest(std::chrono::milliseconds deadline) {
  for (size_t i = 0; i < legs_.size(); ++i) {
    Report report{};
    if (!read_fully(reports_.out.get(), &report, sizeof(report), deadline))
      throw std::runtime_error("the workload didn't come to its gate");
    tids_[report.thread] = report.tid;
  }
  for (size_t i = 0; i < legs_.size(); ++i)
    if (!until([&] { return rests_in_read(pid(), tids_[i], gates_[i].out.get()); }))
      throw std::runtime_error("the workload doesn't rest");
}

void run_together(const Cast& cast) {
  for (const auto& workload : cast) workload->start();
  for (const auto& workload : cast) workload->rest();
}

std::vector<uint32_t> tgids_of(const Cast& cast) {
  std::vector<uint32_t> tgids;
  for (const auto& workload : cast) tgids.push_back(static_cast<uint32_t>(workload->pid()));
  return tgids;
}

void spin(std::chrono::nanoseconds duration) {
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) {
  }
}

void use_core(std::chrono::nanoseconds cpu_time) {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  const auto end = used() + cpu_time;
  while (used() < end) {
  }
}

void nap(int times) {
  const timespec millisecond{0, 1'000'000};
  for (int i = 0; i < times; ++i) nanosleep(&millisecond, nullptr);
}

void yield(int times) {
  for (int i = 0; i < times; ++i) sched_yield();
}

// By whom it yields to, which may come later.
void yield_until_left(long times) {
  for (const long enough = times_preempted() + times; times_preempted() < enough;) sched_yield();
}

void play_ping_pong(const Pipe& from, const Pipe& to, int times, bool begins) {
  for (int i = 0; i < times; ++i) {
    if (begins) write_byte(to.in.get());
    read_byte(from.out.get());
    if (!begins) write_byte(to.in.get());
  }
}

// Of the cores that `pid` may run on.
void pin_to(int core, pid_t pid) {
  cpu_set_t allowed, one;
  sched_getaffinity(pid, sizeof(allowed), &allowed);
  CPU_ZERO(&one);
  for (int cpu = 0, seen = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && seen++ == core) CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) _exit(98);
}

void pin_to(int core) { pin_to(core, getppid()); }

// Workloads that are made meanwhile begin on this core, and so never move to it.
class BornOn {
 public:
  explicit BornOn(int core) {
    sched_getaffinity(0, sizeof(before_), &before_);
    pin_to(core, 0);
  }
  ~BornOn() { sched_setaffinity(0, sizeof(before_), &before_); }
  BornOn(const BornOn&) = delete;
  BornOn& operator=(const BornOn&) = delete;

 private:
  cpu_set_t before_{};
};

// Nice values count within a session only, where the kernel groups sessions (autogroup).
void raise_above_all_others() {
  setsid();
  std::ofstream("/proc/self/autogroup") << -20;
  if (setpriority(PRIO_PROCESS, 0, -20) != 0) _exit(98);
}

Cast spinner() {
  return cast_of(alone([] { spin(300ms); }));
}

// What two spinners tell each other: in how many rounds each was there, and had lost its core often
// enough.
struct SpinningTogether {
  std::atomic<int> begun[2], through[2];
};

Cast pinned_spinners() {
  void* memory = mmap(nullptr, sizeof(SpinningTogether), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory can be shared");
  const std::shared_ptr<SpinningTogether> both(new (memory) SpinningTogether, [](void* mapped) {
    munmap(mapped, sizeof(SpinningTogether));
  });
  const auto leg = [both](int me) {
    return [both, me] {
      pin_to(0);
      raise_above_all_others();
      const int round = ++both->begun[me];
      while (both->begun[1 - me] < round) {
      }
      const long before = times_preempted();
      spin(400ms);
      while (times_preempted() < before + 10) {
      }
      both->through[me] = round;
      while (both->through[1 - me] < round) {
      }
    };
  };
  return cast_of(alone(leg(0)), alone(leg(1)));
}

Cast sleeper() {
  return cast_of(alone([] { nap(200); }));
}

Cast yielder() {
  return cast_of(alone([] {
                   pin_to(0);
                   yield_until_left(20);
                 }),
                 alone([] {
                   pin_to(0);
                   use_core(400ms);
                 }));
}

Cast ping_pong() {
  const auto there = std::make_shared<Pipe>(), back = std::make_shared<Pipe>();
  return cast_of(alone([=] { play_ping_pong(*back, *there, 500, true); }),
                 alone([=] { play_ping_pong(*there, *back, 500, false); }));
}

// On two cores an answer may be there before its reader has gone to sleep, and nobody wakes
// anybody.
Cast pinned_ping_pong() {
  const BornOn core(0);
  const auto there = std::make_shared<Pipe>(), back = std::make_shared<Pipe>();
  const auto player = [](const Pipe& from, const Pipe& to, bool begins) {
    pin_to(0);
    play_ping_pong(from, to, 500, begins);
  };
  return cast_of(alone([=] { player(*back, *there, true); }),
                 alone([=] { player(*there, *back, false); }));
}

Cast mixed_threads() {
  return cast_of(std::make_unique<Workload>(std::vector<Leg>{
      [] { spin(200ms); }, [] { nap(100); }, [] { yield(5000); }, [] { spin(150ms); }}));
}

}  // namespace timeslice::live
