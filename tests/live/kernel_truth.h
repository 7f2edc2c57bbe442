// SPDX-License-Identifier: MIT
// What does the kernel itself say? Read from its files under /proc, independently of the code under
// test: the figures that ours must equal.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace timeslice::live {

struct Truth {
  uint64_t nvcsw = 0, nivcsw = 0;  // status
  uint64_t cpu_ns = 0;             // schedstat: se.sum_exec_runtime
  uint64_t run_delay_ns = 0;       // schedstat: sched_info.run_delay
  uint64_t slices = 0;             // schedstat: sched_info.pcount
};

// Throws std::runtime_error where the thread isn't there.
Truth truth_of(pid_t tgid, pid_t tid);

// Does the thread sleep in read(fd)? The kernel answers only once the thread has left its core, so
// that none of its counters moves any more.
bool rests_in_read(pid_t tgid, pid_t tid, int fd);

// 'S', 'R' …, as `stat` says it. Who asks for the system call instead makes the kernel take a
// sleeper out of its queue. Throws where the thread isn't there.
char state_of(pid_t tgid, pid_t tid);

// Since boot, of all CPUs, from /proc/stat: switches, processes and threads made, and the time that
// a host took away from this machine while it would have run.
uint64_t machine_switches();
uint64_t machine_forks();
double stolen_ms();

// A figure of /proc/PID/status, such as "VmRSS" (in kB) or "Threads".
uint64_t status_figure(pid_t pid, const std::string& name);

// CPU time of all threads of a process that rests, those that ended included.
uint64_t process_cpu_ns(pid_t pid);

// What our own process has more than its only thread: the switches of those that have ended.
struct EndedSwitches {
  uint64_t nvcsw = 0, nivcsw = 0;
};
EndedSwitches own_ended_switches();

}  // namespace timeslice::live
