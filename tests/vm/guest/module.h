// SPDX-License-Identifier: MIT
// How does a test in the guest load the module, and how does it see that the kernel is unharmed?
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::vm {

inline constexpr const char* kModule = "/timeslice.ko";
// Built with handlers that prolong the writes that a reader must not see unfinished.
inline constexpr const char* kLingeringModule = "/timeslice-lingering.ko";

// Loads the module with these parameters, "max_threads=64 stream=1". Returns 0 or -errno.
int load_module(const std::string& parameters = {}, const char* path = kModule);
int unload_module();  // returns 0 or -errno
bool module_is_loaded();
bool module_was_built();  // for this kernel: is it in the guest?

// Loaded as long as this exists. Throws if that fails.
class Module {
 public:
  explicit Module(const std::string& parameters = {}, const char* path = kModule);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
};

// Of /sys/module/timeslice/parameters. set returns 0 or -errno.
std::string parameter(const std::string& name);
int set_parameter(const std::string& name, const std::string& value);

inline const std::string kThreads = "/proc/timeslice/threads";
inline const std::string kCores = "/proc/timeslice/cores";

// A file read to its end, `step` bytes per call.
std::string read_in_steps(const std::string& path, size_t step);

// The kernel's log from here on.
class KernelLog {
 public:
  KernelLog();
  ~KernelLog();
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;

  // Lines since the last call.
  std::vector<std::string> lines();
  [[nodiscard]] static bool is_complaint(const std::string& line);

 private:
  int fd_;
};

// What the kernel has complained about since `log` began: bugs, warnings, stalls, lock reports.
// Empty: nothing.
std::string complaints(KernelLog& log);

// What kmemleak reports, where it is built in; a scan takes half a minute. Empty: nothing.
std::string leaks();

// The running kernel's version in the form of LINUX_VERSION_CODE, without the last part.
unsigned kernel_version();

// Must our BPF programs load here? From 5.15 on, unless a boot parameter says that this kernel has
// no type information (WITHOUT_BPF=1).
bool expects_bpf();

}  // namespace timeslice::vm

// A test case after which the kernel's log is read, and the module must be unloaded. Takes a name
// and tags, as TEST_CASE does: [bpf] runs without the module, too.
#define VM_TEST_CASE_NAMED(body, ...)                       \
  static void body();                                       \
  TEST_CASE(__VA_ARGS__) {                                  \
    timeslice::vm::KernelLog log;                           \
    body();                                                 \
    CHECK_FALSE(timeslice::vm::module_is_loaded());         \
    CHECK(timeslice::vm::complaints(log) == std::string()); \
  }                                                         \
  static void body()
#define VM_JOIN_(a, b) a##b
#define VM_JOIN(a, b) VM_JOIN_(a, b)
#define VM_TEST_CASE(...) VM_TEST_CASE_NAMED(VM_JOIN(vm_test_, __LINE__), __VA_ARGS__)
