// SPDX-License-Identifier: MIT
// What do the threads do that we count? A Workload is a forked child whose threads run one leg at a
// time, then report and sleep at a gate. While they rest there, nothing of theirs changes: the
// kernel's figures and ours can be read one after the other, and must be equal.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "tests/live/processes.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

using Leg = std::function<void()>;

class Workload {
 public:
  // One thread a leg, the first of them the child's main thread. All rest when this returns.
  // `wanted`: the process id that the child shall have, 0: any.
  explicit Workload(std::vector<Leg> legs, pid_t wanted = 0);

  void start();  // opens the gates
  // Waits until all threads are through and rest again; throws if they don't.
  void rest(std::chrono::milliseconds deadline = kDeadline);
  void run() {
    start();
    rest();
  }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  // In the order of the legs; the first is pid().
  [[nodiscard]] const std::vector<pid_t>& tids() const { return tids_; }

 private:
  struct Report {
    uint32_t thread;
    pid_t tid;
  };
  void live() const;
  void thread_main(uint32_t index) const;

  std::vector<Leg> legs_;
  Pipe reports_;
  std::vector<Pipe> gates_;
  std::vector<pid_t> tids_;
  Child child_;
};

// One or two children that run together.
using Cast = std::vector<std::unique_ptr<Workload>>;
void run_together(const Cast& cast);
std::vector<uint32_t> tgids_of(const Cast& cast);

// Legs.
void spin(std::chrono::nanoseconds duration);      // of wall time
void use_core(std::chrono::nanoseconds cpu_time);  // the same turns, however busy the machine is
void nap(int times);                               // 1 ms each
void yield(int times);
void yield_until_left(long times);  // involuntary switches
// Writes a byte and reads one, so many times; who doesn't begin reads first.
void play_ping_pong(const Pipe& from, const Pipe& to, int times, bool begins);
void pin_to(int core);          // of those we may use, by its place among them
void raise_above_all_others();  // as far as nice values go

Cast spinner();
Cast pinned_spinners();  // both on one core, 400 ms of wall time at least, and until each has lost
                         // it 10 times
Cast sleeper();          // 200 naps
Cast yielder();          // yields until it has lost its core 20 times to a spinner
Cast ping_pong();
Cast pinned_ping_pong();  // both on one core: in each round at least one of them sleeps, and is
                          // woken
Cast mixed_threads();     // one process: spins, naps, yields, spins again

}  // namespace timeslice::live
