// SPDX-License-Identifier: MIT
#include "tests/live/kernel_truth.h"

#include <sys/syscall.h>

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

uint64_t machine_switches() { return figure_after(read_file("/proc/stat"), "ctxt"); }

uint64_t status_figure(pid_t pid, const std::string& name) {
  return figure_after(read_file("/proc/" + std::to_string(pid) + "/status"), name + ":");
}

}  // namespace timeslice::live
