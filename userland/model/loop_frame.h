// SPDX-License-Identifier: MIT
// What is there to show of event loops at one refresh? A LoopFrame: each loop's figures since the
// refresh before. Who watches fills it, the views read it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/loop_activity.h"
#include "model/loop_turns.h"
#include "model/pool_figures.h"
#include "model/process_description.h"
#include "model/turn_figures.h"

namespace timeslice::model {

struct WatchedLoop {
  uint32_t tgid = 0, tid = 0;
  std::string command;   // the words that its process was started with; empty: not known
  bool is_main = false;  // of the process's first thread; else a worker thread's
  LoopFigures figures;
  LoopActivity activity;
  std::optional<TurnFigures> timed;  // absent: its turns aren't timed one by one
};

struct WatchedPool {
  uint32_t tgid = 0;
  PoolFigures figures;
};

struct RefusedProcess {
  uint32_t tgid = 0;
  std::string why;  // a clause
};

struct LoopFrame {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::vector<WatchedLoop> loops;
  // Of the loops; one that isn't here isn't known.
  std::vector<ProcessDescription> processes;
  std::vector<WatchedPool> pools;       // of processes that have started theirs
  std::vector<RefusedProcess> refused;  // whose loops can't be shown
  std::vector<RefusedProcess> unnamed;  // whose functions can't be named; `why` is a whole sentence
  std::vector<RefusedProcess> unphased;    // whose phases can't be told apart
  std::optional<TurnProbing> turn_probes;  // absent: they weren't wanted
  uint64_t dropped_samples = 0;            // of stacks, which were in doubt
  std::string source;                      // of the threads' figures: "bpf", "proc"
  std::string note;                        // why it isn't "bpf", or what else is missing
  bool all_gone = false;                   // none of the processes is left
};

}  // namespace timeslice::model
