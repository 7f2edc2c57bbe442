// SPDX-License-Identifier: MIT
// A global variable, two threads and two children: each adds to it. What is in it in the end?
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/failure.h"
#include "labs/01-process-or-thread/lab.h"
#include "labs/parts/workload_output.h"

namespace timeslice::labs::process_or_thread {

namespace {

// Volatile, so that it is in memory at any time.
volatile int64_t total = 0;

// What the program has in memory besides: a process has a copy of it as soon as it writes to it.
constexpr size_t kBallast = 16 << 20;

int64_t page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// How much of this process's memory is in use by another process as well, by the kernel's account
// of each page. KiB.
int64_t shared_kib() {
  std::ifstream account("/proc/self/smaps_rollup");
  int64_t shared = 0;
  std::string word;
  for (int64_t kib = 0; account >> word;)
    if ((word == "Shared_Clean:" || word == "Shared_Dirty:") && account >> kib) shared += kib;
  return shared;
}

struct Start {
  int64_t ns = 0;                                // from the call until the new one runs
  int64_t faults = 0;                            // page faults of the new one, and of the call
  int64_t shared_at_first = 0, shared_then = 0;  // of a child; KiB: before it writes, and after
};

Start start_thread(int64_t step) {
  Start start;
  const int64_t faults = page_faults();
  const uint64_t before = monotonic_ns();
  uint64_t runs = 0;
  std::thread thread([&] {
    runs = monotonic_ns();
    prctl(PR_SET_NAME, "lab-thread");
    total = total + step;
  });
  thread.join();
  start.ns = static_cast<int64_t>(runs - before);
  start.faults = page_faults() - faults;
  return start;
}

Start start_child(int64_t step, char* ballast) {
  int ends[2];
  if (pipe(ends) != 0) throw Failure("cannot make a pipe");
  Start start;
  const int64_t faults = page_faults();
  const uint64_t before = monotonic_ns();
  const pid_t pid = fork();
  if (pid < 0) throw Failure("cannot start a child");
  if (pid == 0) {
    Start its{static_cast<int64_t>(monotonic_ns() - before), 0, shared_kib(), 0};
    prctl(PR_SET_NAME, "lab-child");
    const int64_t faults_so_far = page_faults();
    total = total + step;
    for (size_t at = 0; at < kBallast; at += 4096) ballast[at] = 2;  // now it has copies of its own
    its.faults = page_faults() - faults_so_far;
    its.shared_then = shared_kib();
    _exit(write(ends[1], &its, sizeof(its)) == sizeof(its) ? 0 : 1);
  }
  if (read(ends[0], &start, sizeof(start)) != sizeof(start)) throw Failure("a child didn't answer");
  waitpid(pid, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  start.faults += page_faults() - faults;
  return start;
}

}  // namespace

int workload(const Setting& setting) {
  prctl(PR_SET_NAME, "lab-main");
  auto* ballast = static_cast<char*>(
      mmap(nullptr, kBallast, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (ballast == MAP_FAILED) throw Failure("there is no memory for the lab");
  for (size_t at = 0; at < kBallast; at += 4096) ballast[at] = 1;
  total = setting.parameters.at("start");
  const int64_t step = setting.parameters.at("step");
  std::string output;
  const auto say = [&](const char* what, const Start& start) {
    output += std::string(what) + ' ' + std::to_string(start.ns) + ' ' +
              std::to_string(start.faults) + ' ' + std::to_string(start.shared_at_first) + ' ' +
              std::to_string(start.shared_then) + '\n';
  };
  for (int i = 0; i < 2; ++i) say("thread", start_thread(step));
  for (int i = 0; i < 2; ++i) say("child", start_child(step, ballast));
  output += "total " + std::to_string(total) + '\n';
  return write_output(output);
}

}  // namespace timeslice::labs::process_or_thread
