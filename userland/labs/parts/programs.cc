// SPDX-License-Identifier: MIT
#include "labs/parts/programs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/clock.h"
#include "base/failure.h"
#include "base/unique_fd.h"

namespace timeslice::labs {

namespace {

struct Pipe {
  UniqueFd out, in;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw failure_from_errno("cannot make a pipe", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads until the other end is closed: by whoever lets it begin, or by its death.
void wait_for_the_others(int fd) {
  char byte;
  while (read(fd, &byte, 1) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void be(const Program& program, Pipe& begin, Pipe& ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, program.name.c_str());
  begin.in = UniqueFd();
  if (!stay_on(program.cpus)) _exit(1);
  ready.in = UniqueFd();
  wait_for_the_others(begin.out.get());
  program.work();
  _exit(0);
}

// Whoever is left when this goes is killed and reaped.
class Children {
 public:
  Children() = default;
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    for (const pid_t pid : pids_) kill(pid, SIGKILL);
    for (const pid_t pid : pids_) waitpid(pid, nullptr, 0);
  }
  void add(pid_t pid) { pids_.push_back(pid); }
  bool all_end_well() {
    bool well = true;
    while (!pids_.empty()) {
      int status = 0;
      while (waitpid(pids_.back(), &status, 0) < 0 && errno == EINTR) {
      }
      pids_.pop_back();
      well &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return well;
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

Round run_together(const std::vector<Program>& programs) {
  Pipe begin = make_pipe(), ready = make_pipe();
  Children children;
  for (const Program& program : programs) {
    const pid_t pid = fork();
    if (pid < 0) throw failure_from_errno("cannot start a program of the lab", errno);
    if (pid == 0) be(program, begin, ready);
    children.add(pid);
  }
  ready.in = UniqueFd();
  wait_for_the_others(ready.out.get());  // each has closed its end
  Round round;
  round.begin_ns = monotonic_ns();
  begin.in = UniqueFd();
  if (!children.all_end_well()) throw Failure("a program of the lab didn't end well");
  round.end_ns = monotonic_ns();
  return round;
}

bool stay_on(const std::vector<uint32_t>& cpus) {
  if (cpus.empty()) return true;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  for (const uint32_t cpu : cpus) CPU_SET(cpu, &allowed);
  return sched_setaffinity(0, sizeof(allowed), &allowed) == 0;
}

void compute_ms(int64_t ms) {
  const auto used_ns = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
  };
  const int64_t end_ns = used_ns() + ms * 1'000'000;
  while (used_ns() < end_ns) {
  }
}

}  // namespace timeslice::labs
