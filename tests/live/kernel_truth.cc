// SPDX-License-Identifier: MIT
#include "tests/live/kernel_truth.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

std::string thread_file(pid_t tgid, pid_t tid, const char* name) {
  return read_file("/proc/" + std::to_string(tgid) + "/task/" + std::to_string(tid) + "/" + name);
}

uint64_t figure_after(const std::string& text, const std::string& label) {
  const size_t at = text.find("\n" + label);
  if (at == std::string::npos) throw std::runtime_error("the kernel doesn't tell " + label);
  return std::stoull(text.substr(at + 1 + label.size()));
}

}  // namespace

Truth truth_of(pid_t tgid, pid_t tid) {
  const std::string status = thread_file(tgid, tid, "status");
  Truth truth;
  truth.nvcsw = figure_after(status, "voluntary_ctxt_switches:");
  truth.nivcsw = figure_after(status, "nonvoluntary_ctxt_switches:");
  std::istringstream schedstat(thread_file(tgid, tid, "schedstat"));
  if (!(schedstat >> truth.cpu_ns >> truth.run_delay_ns >> truth.slices))
    throw std::runtime_error("the kernel has no schedstat");
  return truth;
}

bool rests_in_read(pid_t tgid, pid_t tid, int fd) {
  std::istringstream text(thread_file(tgid, tid, "syscall"));
  long number = -1, first = -1;
  text >> number >> std::hex;
  std::string argument;
  if (!(text >> argument)) return false;  // "running"
  first = std::stol(argument, nullptr, 16);
  return number == SYS_read && first == fd;
}

char state_of(pid_t tgid, pid_t tid) {
  const std::string stat =
      read_file("/proc/" + std::to_string(tgid) + "/task/" + std::to_string(tid) + "/stat");
  return stat.at(stat.rfind(") ") + 2);
}

double stolen_ms() {
  std::istringstream stat(read_file("/proc/stat"));
  std::string name;
  uint64_t ticks = 0;
  stat >> name;
  for (int column = 0; column < 8; ++column) stat >> ticks;  // user nice system … steal
  return static_cast<double>(ticks) * 1e3 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t machine_forks() { return figure_after(read_file("/proc/stat"), "processes"); }
uint64_t machine_switches() { return figure_after(read_file("/proc/stat"), "ctxt"); }

uint64_t status_figure(pid_t pid, const std::string& name) {
  return figure_after(read_file("/proc/" + std::to_string(pid) + "/status"), name + ":");
}

uint64_t process_cpu_ns(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
    throw std::runtime_error("the process has no CPU clock");
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

EndedSwitches own_ended_switches() {
  const auto usage_of = [](int whom) {
    rusage usage{};
    getrusage(whom, &usage);
    return usage;
  };
  rusage all{}, own = usage_of(RUSAGE_THREAD), before{};
  do {  // until it wasn't switched out between the two
    before = own;
    all = usage_of(RUSAGE_SELF);
    own = usage_of(RUSAGE_THREAD);
  } while (own.ru_nvcsw != before.ru_nvcsw || own.ru_nivcsw != before.ru_nivcsw);
  return {static_cast<uint64_t>(all.ru_nvcsw - own.ru_nvcsw),
          static_cast<uint64_t>(all.ru_nivcsw - own.ru_nivcsw)};
}

}  // namespace timeslice::live
