// SPDX-License-Identifier: MIT
// How long was each core idle, where no probe counts it? /proc/stat says so in clock ticks of 10
// ms.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bpf/wire.h"

namespace timeslice::observe {

struct CoreTime {
  uint32_t cpu;
  uint64_t busy_ns;  // user, nice, system, irq, softirq and steal
  uint64_t idle_ns;  // idle and iowait: iowait is idle time too
};

class CoreIdle {
 public:
  // Throws Failure where it can't be opened.
  explicit CoreIdle(const char* path = "/proc/stat");
  // The cores that are online now. Throws Failure.
  const std::vector<CoreTime>& read();
  // Reads, and adds busy and idle time to the rows of `cores`; makes the rows that aren't there.
  void add_to(std::vector<ts_core_row>& cores);

 private:
  UniqueFd fd_;
  std::string text_;
  std::vector<CoreTime> cores_;
};

}  // namespace timeslice::observe
