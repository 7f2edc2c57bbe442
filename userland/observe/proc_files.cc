// SPDX-License-Identifier: MIT
#include "observe/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "observe/whole_file.h"

namespace timeslice::observe {

namespace {

// include/linux/sched.h; `stat` shows the flags as they are.
constexpr unsigned kPfKthread = 0x00200000;
constexpr unsigned kPfIoWorker = 0x00000010;

// All of it, for a user of 400 groups has a `status` that is longer than a page; empty where it
// can't be read. It stands until the next one is read.
const std::string& read_text(int dir, const char* name) {
  thread_local std::string text;
  const UniqueFd fd(openat(dir, name, O_RDONLY | O_CLOEXEC));
  if (!fd || read_whole(fd.get(), text, End::short_read) != 0) text.clear();
  return text;
}

uint64_t tick_ns() {
  static const uint64_t ns = 1'000'000'000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return ns;
}

// The number after `label`, and the end of its line; a line without an end was cut off.
bool read_after(const char* text, const char* label, uint64_t& number) {
  const char* at = strstr(text, label);
  if (!at) return false;
  char* end = nullptr;
  number = strtoull(at + strlen(label), &end, 10);
  return *end == '\n';
}

}  // namespace

bool read_stat(int thread_dir, ts_thread_row& row) {
  const std::string& text = read_text(thread_dir, "stat");
  const char* open = strchr(text.c_str(), '(');
  const char* close = strrchr(text.c_str(), ')');  // a comm may hold brackets itself
  if (text.empty() || !open || !close) return false;
  const auto length = std::min<size_t>(static_cast<size_t>(close - open - 1), TS_COMM_SIZE - 1);
  memcpy(row.comm, open + 1, length);

  // Fields 3 to 41 as proc(5) numbers them.
  unsigned flags = 0, policy = 0;
  uint64_t utime = 0, stime = 0, start = 0;
  const int fields =
      sscanf(close + 2,
             "%c %" SCNu32 " %*d %*d %*d %*d %u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
             " %*d %*d %" SCNd32 " %" SCNd32 " %*d %*d %" SCNu64
             " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %" SCNd32 " %*u %u",
             &row.state, &row.ppid, &flags, &utime, &stime, &row.prio, &row.nice, &start, &row.cpu,
             &policy);
  if (fields != 10) return false;
  row.start_ns = start * tick_ns();
  row.policy = policy;
  row.flags = (flags & kPfKthread ? uint32_t{TS_THREAD_KERNEL} : 0) |
              (flags & kPfIoWorker ? uint32_t{TS_THREAD_IO_WORKER} : 0);
  row.cpu_ns = (utime + stime) * tick_ns();  // until schedstat says it better
  row.record.have |= TS_HAVE_CPU | TS_HAVE_FLAGS;
  return true;
}

void read_status(int thread_dir, ts_thread_row& row) {
  const std::string& text = read_text(thread_dir, "status");
  uint64_t nvcsw = 0, nivcsw = 0;
  if (text.empty() || !read_after(text.c_str(), "\nvoluntary_ctxt_switches:", nvcsw) ||
      !read_after(text.c_str(), "\nnonvoluntary_ctxt_switches:", nivcsw))
    return;
  row.nvcsw = nvcsw;
  row.nivcsw = nivcsw;
  row.record.have |= TS_HAVE_SWITCHES;
}

bool read_schedstat(int thread_dir, ts_thread_row& row) {
  const std::string& text = read_text(thread_dir, "schedstat");
  uint64_t cpu_ns = 0, wait_ns = 0, slices = 0;
  if (text.empty() ||
      sscanf(text.c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64, &cpu_ns, &wait_ns, &slices) != 3)
    return false;
  if (cpu_ns == 0 && row.cpu_ns > 0) return false;  // the kernel doesn't keep these figures
  row.cpu_ns = cpu_ns;
  row.run_delay_ns = wait_ns;
  row.slices = slices;
  row.record.have |= TS_HAVE_WAIT;
  return true;
}

void read_syscall(int thread_dir, ts_thread_row& row) {
  row.syscall_nr = -1;
  const bool sleeps = row.state != 'R' && row.state != 'Z' && row.state != 'X';
  if (!sleeps || (row.flags & (TS_THREAD_KERNEL | TS_THREAD_IO_WORKER))) return;
  const std::string& text = read_text(thread_dir, "syscall");
  if (text.empty() || strncmp(text.c_str(), "running", 7) == 0) return;
  int32_t number = -1;
  __u64* a = row.syscall_args;
  unsigned long long args[TS_SYSCALL_ARGS] = {}, sp = 0;
  // "number six-arguments sp pc", or "-1 sp pc" outside of a system call
  if (sscanf(text.c_str(), "%" SCNd32 " %llx %llx %llx %llx %*x %*x %llx", &number, &args[0],
             &args[1], &args[2], &args[3], &sp) < 2)
    return;
  row.user_sp = number < 0 ? args[0] : sp;
  // A 32-bit program's calls have other numbers. Nothing else here tells that it is one; a stack
  // that a 64-bit program has put down there is taken for it.
  if (row.user_sp <= UINT32_MAX) return;
  row.syscall_nr = number;
  if (number >= 0)
    for (int i = 0; i < TS_SYSCALL_ARGS; ++i) a[i] = args[i];
  row.record.have |= TS_HAVE_SYSCALL;
}

}  // namespace timeslice::observe
