// SPDX-License-Identifier: MIT
// What did event loops do on the time axis of a recording? As its recorder saw them from outside:
// of each loop its figures, stretch by stretch, and its blocks; of each process what its pool did.
// Readers fill it, the reports and the page show it. All times are CLOCK_MONOTONIC.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/loop_frame.h"

namespace timeslice::model {

// From one moment at which the recorder took the figures to the next one, some 0.2 s.
struct LoopStretch {
  uint64_t begin_ns = 0, end_ns = 0;
  LoopFigures figures;  // without blocks: a block may be longer than several stretches
  // Looks, as LoopActivity has them: with V8's state known, and by it.
  uint32_t vm_looks = 0;
  VmLooks vm;
};

struct LoopTrack {
  uint32_t tgid = 0, tid = 0;
  std::string command;                 // any bytes; empty: not known
  bool is_main = false;                // of the process's first thread; else a worker thread's
  std::vector<LoopStretch> stretches;  // in the order of time
  std::vector<LoopBlock> blocks;       // in the order of time, each once

  // As people call its process: "server.js"; empty: not known.
  [[nodiscard]] std::string name() const;
};

struct PoolStretch {
  uint64_t begin_ns = 0, end_ns = 0;
  PoolFigures figures;  // without the jobs
};

struct PoolTrack {
  uint32_t tgid = 0;
  std::vector<PoolStretch> stretches;  // in the order of time
};

struct LoopProcess {
  ClusterRole cluster = ClusterRole::none;
  std::vector<uint16_t> ports;  // as a ProcessDescription has them
  uint64_t up_since_ns = 0;     // may be before the machine's start, wrapped around
};

struct LoopTracks {
  uint64_t block_ns = 0;         // a turn that lasts so long is a block; 0: loops weren't recorded
  std::vector<LoopTrack> loops;  // by process, the main thread's first
  std::vector<PoolTrack> pools;  // by process
  std::map<uint32_t, LoopProcess> processes;     // by tgid; one that isn't here isn't known
  std::vector<RefusedProcess> refused, unnamed;  // as a LoopFrame has them, each once

  [[nodiscard]] bool recorded() const { return block_ns != 0; }
};

// What it came to within a window: the sums of the stretches that end in it, and of each loop every
// block that lies in it at least in part, the longest first.
[[nodiscard]] LoopFrame summed_up(const LoopTracks& tracks, uint64_t from_ns, uint64_t to_ns);

}  // namespace timeslice::model
