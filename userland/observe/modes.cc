// SPDX-License-Identifier: MIT
#include "observe/modes.h"

#include <bpf/bpf.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/failure.h"
#include "base/unique_fd.h"
#include "observe/targets.h"

namespace timeslice::observe {

namespace {

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

constexpr const char* kMountProc = "mount it: mount -t proc proc /proc";

// Whether even the smallest map is refused for lack of permission: then it isn't about our
// programs.
bool refuses_bpf() {
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "ts_try", sizeof(uint32_t), 1, 1, nullptr));
  return !map && (errno == EPERM || errno == EACCES);
}

// What to do if BPF programs don't load: the first cause that is found.
std::string fix_for_bpf() {
  if (access("/sys/kernel", F_OK) != 0) return "mount it: mount -t sysfs sysfs /sys";
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return "use a kernel built with CONFIG_DEBUG_INFO_BTF (5.15 or later)";
  if (geteuid() != 0) return "run as root, or give the program CAP_BPF and CAP_PERFMON";
  const std::string lockdown = first_line("/sys/kernel/security/lockdown");
  if (lockdown.find("[confidentiality]") != std::string::npos)
    return "the kernel is in confidentiality lockdown: boot without lockdown=confidentiality";
  if (refuses_bpf()) return "in a container, run it with --privileged or on the host";
  return "unknown; please report the reason above: a newer Timeslice may know it";
}

std::string fix_for_module() {
  if (access("/proc/timeslice", F_OK) == 0) return "run as root, or load it with world_readable=1";
  if (access("/proc/modules", F_OK) != 0)
    return "this kernel can't load modules: use one that can, for example in a virtual machine";
  return "build it with make kmod, and load it: insmod timeslice.ko";
}

ModeReport try_mode(std::string name, std::string gives, const std::function<void()>& attempt,
                    const std::function<std::string()>& fix) {
  ModeReport report{std::move(name), true, std::move(gives), {}, {}};
  try {
    refuse_foreign_proc();
    attempt();
  } catch (const Failure& failure) {
    report.allowed = false;
    report.reason = failure.what();
    report.fix = is_foreign_proc() ? kMountProc : fix();
  }
  return report;
}

bool may_read_memory(pid_t pid) {
  char byte;
  const iovec ours{&byte, 1};
  // An address that is mapped nowhere: EFAULT says that we were let in, EPERM that we weren't.
  const iovec theirs{reinterpret_cast<void*>(8), 1};
  return process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == 1 || errno == EFAULT;
}

// Our own memory may always be read; the question is whether another process's may.
void read_memory_of_others() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid > 0 && pid != getpid() && may_read_memory(pid)) return;
  }
  throw Failure("no other process's memory can be read");
}

}  // namespace

Opened open_best_source(From from, Probes probes, const std::vector<uint32_t>& tgids) {
  using Open = std::unique_ptr<Source> (*)(const std::vector<uint32_t>&);
  refuse_foreign_proc();
  std::vector<Open> choices;
  if (from == From::kmod) choices.push_back(open_kmod_source);
  if (from == From::bpf && probes == Probes::sched) choices.push_back(open_sched_source);
  if (from != From::proc) choices.push_back(open_count_source);
  Opened opened;
  for (const Open open : choices) {
    try {
      opened.source = open(tgids);
      return opened;
    } catch (const Failure& failure) {
      // The reason why BPF fails is given once; the module's is another one.
      const std::string before = from == From::kmod ? opened.note : "";
      opened.note = before + (before.empty() ? "" : "; ") + failure.what();
    }
  }
  opened.source = open_proc_source(tgids);
  return opened;
}

std::vector<ModeReport> examine_machine() {
  std::vector<ModeReport> reports;
  reports.push_back(try_mode(
      "kmod", "the aggregate mode's figures from the kernel module; similar overhead",
      [] { open_kmod_source({})->read(); }, fix_for_module));
  reports.push_back(try_mode(
      "aggregate", "wait histograms, preemptors, wakers; costs about 0.1 to 0.5 us per switch",
      [] { open_sched_source({})->read(); }, fix_for_bpf));
  reports.push_back(try_mode(
      "count", "switches, CPU time, run-queue wait, migrations, system calls; no probes attached",
      [] { open_count_source({})->read(); }, fix_for_bpf));
  reports.push_back(try_mode(
      "proc", "the same as far as /proc has it; for any user",
      [] { open_proc_source({static_cast<uint32_t>(getpid())})->read(); },
      [] { return std::string(kMountProc); }));
  reports.push_back(
      try_mode("memory", "other processes' futexes and event loops: most reliable role detection",
               read_memory_of_others,
               [] { return std::string("run as root, or set kernel.yama.ptrace_scope to 0"); }));
  return reports;
}

}  // namespace timeslice::observe
