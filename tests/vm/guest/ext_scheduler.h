// SPDX-License-Identifier: MIT
// How does a test run under a sched_ext scheduler? Under the smallest there is: it has a name, and
// leaves all decisions to the kernel's defaults, one queue for all CPUs.
#pragma once
#include <sys/types.h>

#include "base/unique_fd.h"

namespace timeslice::vm {

// Is sched_ext built into the running kernel (CONFIG_SCHED_CLASS_EXT)?
bool offers_sched_ext();

inline constexpr int kExtPolicy = 7;  // SCHED_EXT; libc's header lacks it

// Does a sched_ext scheduler decide when this process's first thread runs?
bool is_ruled_by_sched_ext(pid_t pid);

// It schedules all threads of the policies normal, batch, idle and ext as long as this exists.
// Throws where the kernel refuses it.
class ExtScheduler {
 public:
  ExtScheduler();
  ~ExtScheduler();
  ExtScheduler(const ExtScheduler&) = delete;
  ExtScheduler& operator=(const ExtScheduler&) = delete;

 private:
  UniqueFd map_;
};

}  // namespace timeslice::vm
