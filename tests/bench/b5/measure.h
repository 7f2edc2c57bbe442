// SPDX-License-Identifier: MIT
// How is each side of B5 measured? By this, and by the same on all sides: wall time, CPU time and
// switches of the whole process (kernel workers belong to it), threads, and in a run of its own the
// system calls. A side is a program `SIDE WORK COUNT DEPTH [WHERE]` that prints one line, separated
// by tabs: ns, CPU ns, voluntary and involuntary switches, system calls per operation, threads.
#pragma once
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/clock.h"

namespace b5 {

inline constexpr int kAbsent = 77;  // this side doesn't do that work

[[noreturn]] inline void die(const char* what, int error = errno) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
  std::exit(1);
}

// Of a call that answers -1 and errno.
template <typename Result>
Result must(Result result, const char* what) {
  if (result < 0) die(what);
  return result;
}

inline int absent(std::string_view work) {
  std::fprintf(stderr, "%.*s is not implemented on this side\n", static_cast<int>(work.size()),
               work.data());
  return kAbsent;
}

struct Work {
  std::string_view name;
  long count;
  long depth;
  const char* where;  // a file, or CPUs as "0,1"
};

inline Work work_of(int argc, char** argv) {
  if (argc < 4) die("SIDE WORK COUNT DEPTH [WHERE]", EINVAL);
  return {argv[1], std::atol(argv[2]), std::atol(argv[3]), argc > 4 ? argv[4] : ""};
}

// Counts the calls of all threads made after it. Tracing them slows every call of the machine, so
// it is only done where COUNT_SYSCALLS is set, and the times of such a run aren't used.
class SyscallCounter {
 public:
  SyscallCounter() {
    if (!std::getenv("COUNT_SYSCALLS")) return;
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.config = tracepoint();
    attributes.inherit = 1;
    fd_ = static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  ~SyscallCounter() {
    if (fd_ >= 0) ::close(fd_);
  }
  SyscallCounter(const SyscallCounter&) = delete;
  SyscallCounter& operator=(const SyscallCounter&) = delete;

  [[nodiscard]] bool counts() const { return fd_ >= 0; }
  [[nodiscard]] std::int64_t now() const {
    std::int64_t value = 0;
    if (fd_ >= 0 && ::read(fd_, &value, sizeof value) != sizeof value) die("reading a counter");
    return value;
  }

 private:
  static std::uint64_t tracepoint() {
    std::uint64_t id = 0;
    std::FILE* file = std::fopen("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id", "re");
    if (file && std::fscanf(file, "%lu", &id) != 1) id = 0;
    if (file) std::fclose(file);
    return id;
  }
  int fd_ = -1;
};

// To be made first in main(), so that no thread escapes the count. What lies between stop() and the
// next start() costs nothing.
class Meter {
 public:
  void start() { begin_ = look(); }
  void stop() {
    const Look end = look();
    for (std::size_t i = 0; i < kFigures; ++i) sum_.figure[i] += end.figure[i] - begin_.figure[i];
    threads_ = std::max(threads_, threads_now());
  }
  void report(long operations) const {
    const auto per = static_cast<double>(operations);
    for (std::size_t i = 0; i < kFigures; ++i)
      if (i == kSyscalls && !syscalls_.counts())
        std::printf("-\t");
      else
        std::printf("%.6g\t", static_cast<double>(sum_.figure[i]) / per);
    std::printf("%ld\n", threads_);
  }

 private:
  static constexpr std::size_t kSyscalls = 4;
  static constexpr std::size_t kFigures = 5;
  struct Look {
    std::int64_t figure[kFigures]{};
  };

  static std::int64_t ns(const timeval& time) {
    return (time.tv_sec * 1'000'000L + time.tv_usec) * 1000;
  }
  [[nodiscard]] Look look() const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return {{static_cast<std::int64_t>(timeslice::monotonic_ns()),
             ns(usage.ru_utime) + ns(usage.ru_stime), usage.ru_nvcsw, usage.ru_nivcsw,
             syscalls_.now()}};
  }
  static long threads_now() {
    long threads = 0;
    char line[256];
    std::FILE* file = std::fopen("/proc/self/status", "re");
    if (!file) die("/proc/self/status");
    while (std::fgets(line, sizeof line, file))
      if (std::sscanf(line, "Threads: %ld", &threads) == 1) break;
    std::fclose(file);
    return threads;
  }

  SyscallCounter syscalls_;
  Look begin_;
  Look sum_;
  long threads_ = 0;
};

}  // namespace b5
