// SPDX-License-Identifier: MIT
// Does the module's file show what a process's ended threads did, so that the process's figures are
// complete? They are compared with the process's own clock, and with what it gets from getrusage.
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "tests/live/kernel_truth.h"
#include "tests/live/looking.h"
#include "tests/live/waiting.h"
#include "tests/live/workloads.h"
#include "tests/vm/guest/module.h"

namespace timeslice::vm {

namespace {

using live::process_cpu_ns;
using live::Truth;
using live::until;

constexpr int kShortLived = 20;

using Ended = live::EndedSwitches;

// Shared with the process.
Ended* shared_memory() {
  void* memory =
      ::mmap(nullptr, sizeof(Ended), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return static_cast<Ended*>(memory);
}

// A joined thread may still be exiting.
void short_lived(Ended& ended) {
  using namespace std::chrono_literals;
  for (int i = 0; i < kShortLived; ++i)
    std::thread([] {
      live::use_core(2ms);
      live::nap(2);
    }).join();
  if (!until([] { return live::status_figure(::getpid(), "Threads") == 1; })) ::_exit(97);
  ended = live::own_ended_switches();
}

const model::Process& process_of(const model::Frame& frame, pid_t pid) {
  for (const model::Process* process : frame.processes)
    if (process->tgid == static_cast<uint32_t>(pid)) return *process;
  throw std::runtime_error("the process isn't in the frame");
}

}  // namespace

VM_TEST_CASE("from the module a process's figures include its ended threads, to the unit") {
  const Module module;
  Ended* const ended = shared_memory();
  live::Workload workload({[ended] { short_lived(*ended); }});
  const pid_t pid = workload.pid();
  live::Look look(observe::open_kmod_source({static_cast<uint32_t>(pid)}));
  look.advance();
  for (int leg = 0; leg < 2; ++leg) {
    INFO("leg " << leg);
    const uint64_t cpu_before = process_cpu_ns(pid), ended_before = ended->nvcsw;
    const Truth before = live::truth_of(pid, pid);
    workload.run();
    const Truth own = live::truth_of(pid, pid);
    CHECK(ended->nvcsw - ended_before >= kShortLived);  // a nap may be over before it begins
    const model::Frame& frame = look.advance();
    const model::Process& process = process_of(frame, pid);
    CHECK(process.nvcsw == own.nvcsw + ended->nvcsw);
    CHECK(process.nivcsw == own.nivcsw + ended->nivcsw);
    const uint64_t switches = own.nvcsw - before.nvcsw + ended->nvcsw - ended_before;
    REQUIRE(process.nvcsw_per_s);
    CHECK(*process.nvcsw_per_s * *frame.interval_s == Approx(switches));
    REQUIRE(process.cpu_pct);
    CHECK(*process.cpu_pct / 100 * *frame.interval_s * 1e9 ==
          Approx(process_cpu_ns(pid) - cpu_before));
  }
  ::munmap(ended, sizeof(Ended));
}

}  // namespace timeslice::vm
