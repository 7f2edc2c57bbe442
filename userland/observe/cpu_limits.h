// SPDX-License-Identifier: MIT
// How much CPU may a process have? The CPUs that its first thread may run on, and the bandwidth
// limits of its cgroups (cpu.max, or cpu.cfs_quota_us of the older hierarchy), its own and all
// above it, as far as this machine's mounts show them.
#pragma once
#include <cstdint>
#include <optional>

namespace timeslice::observe {

struct CpuLimitsNow {
  uint32_t cpus = 0;            // 0: not known
  std::optional<double> quota;  // CPUs' worth, the tightest; absent: no limit
  // Of the tightest one, since it was made: enforcement periods in which it had something to run,
  // and those in which its quota didn't last.
  uint64_t periods = 0, throttled_periods = 0;
};

CpuLimitsNow cpu_limits(uint32_t tgid);

}  // namespace timeslice::observe
