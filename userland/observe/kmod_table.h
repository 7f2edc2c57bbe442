// SPDX-License-Identifier: MIT
// What do the module's files under /proc/timeslice say? Text of kmod/proc_threads.c and
// kmod/proc_cores.c in, rows of bpf/wire.h out. No file is opened here, so that any text can be
// tried.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::observe {

struct KmodThreads {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC, when reading began
  uint64_t refused_limit = 0, refused_memory = 0;
  std::vector<ts_thread_row> rows;
  std::vector<ts_sched_row> scheds;  // parallel to `rows`; kind 0: not available at this moment
};

struct KmodCores {
  std::vector<ts_core_row> rows;
  uint64_t unseeded_switches = 0;
};

// Both throw Failure where the text isn't of the version that this program knows, or is broken.
// What `into` held before goes, its memory stays.
void parse_kmod_threads(std::string_view text, KmodThreads& into);
void parse_kmod_cores(std::string_view text, KmodCores& into);

}  // namespace timeslice::observe
