// SPDX-License-Identifier: MIT
#include "tests/vm/guest/module.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace timeslice::vm {

using live::read_file;

int load_module(const std::string& parameters, const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return -errno;
  return ::syscall(SYS_finit_module, fd.get(), parameters.c_str(), 0) == 0 ? 0 : -errno;
}

int unload_module() {
  return ::syscall(SYS_delete_module, "timeslice", O_NONBLOCK) == 0 ? 0 : -errno;
}

bool module_is_loaded() { return ::access("/sys/module/timeslice", F_OK) == 0; }

bool module_was_built() { return ::access(kModule, F_OK) == 0; }

Module::Module(const std::string& parameters, const char* path) {
  if (const int error = load_module(parameters, path); error != 0)
    throw std::runtime_error("the module doesn't load: " + std::to_string(error));
}

Module::~Module() {
  if (module_is_loaded()) unload_module();
}

std::string parameter(const std::string& name) {
  std::string value = read_file("/sys/module/timeslice/parameters/" + name);
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

int set_parameter(const std::string& name, const std::string& value) {
  const UniqueFd fd(
      ::open(("/sys/module/timeslice/parameters/" + name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return -errno;
  return ::write(fd.get(), value.data(), value.size()) < 0 ? -errno : 0;
}

std::string read_in_steps(const std::string& path, size_t step) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text, part(step, '\0');
  for (ssize_t got; (got = ::read(fd.get(), part.data(), part.size())) > 0;)
    text.append(part, 0, static_cast<size_t>(got));
  return text;
}

KernelLog::KernelLog() : fd_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error("the kernel's log can't be read");
  ::lseek(fd_, 0, SEEK_END);
}

KernelLog::~KernelLog() { ::close(fd_); }

// One record per read: "priority,sequence,time,flags;text".
std::vector<std::string> KernelLog::lines() {
  std::vector<std::string> lines;
  std::array<char, 8192> record;
  for (;;) {
    const ssize_t got = ::read(fd_, record.data(), record.size());
    if (got < 0 && errno == EPIPE) {  // the log overran us: a complaint in itself
      lines.emplace_back("WARNING: the kernel's log ran over");
      continue;
    }
    if (got <= 0) return lines;
    std::string line(record.data(), static_cast<size_t>(got));
    line.erase(0, line.find(';') + 1);
    lines.push_back(line.substr(0, line.find('\n')));
  }
}

bool KernelLog::is_complaint(const std::string& line) {
  for (const std::string_view sign : {"BUG:",
                                      "WARNING:",
                                      "Oops",
                                      "general protection",
                                      "Call Trace",
                                      "rcu_sched self-detected",
                                      "rcu_preempt self-detected",
                                      "detected stalls",
                                      "soft lockup",
                                      "hard LOCKUP",
                                      "blocked for more than",
                                      "INFO: possible",
                                      "inconsistent lock state",
                                      "suspicious RCU",
                                      "KASAN",
                                      "UBSAN",
                                      "KFENCE",
                                      "scheduling while atomic",
                                      "sleeping function called",
                                      "corruption",
                                      "use-after-free",
                                      "kmemleak:",
                                      "refcount_t:",
                                      "left in an inconsistent"})
    if (line.find(sign) != std::string::npos &&
        line.find("Kernel memory leak detector") == std::string::npos)
      return true;
  return false;
}

std::string complaints(KernelLog& log) {
  std::string all;
  for (const std::string& line : log.lines())
    if (KernelLog::is_complaint(line)) all += line + "\n";
  return all;
}

// Twice, because a block counts as leaked only when two scans find no pointer to it.
std::string leaks() {
  const std::string path = "/sys/kernel/debug/kmemleak";
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return {};
  for (int i = 0; i < 2; ++i)
    if (::write(fd.get(), "scan", 4) != 4) return "kmemleak refuses to scan";
  return read_file(path);
}

unsigned kernel_version() {
  utsname names{};
  unsigned major = 0, minor = 0;
  ::uname(&names);
  std::sscanf(names.release, "%u.%u", &major, &minor);
  return (major << 16) + (minor << 8);
}

bool expects_bpf() { return kernel_version() >= 0x050f00 && !std::getenv("WITHOUT_BPF"); }

}  // namespace timeslice::vm
