// SPDX-License-Identifier: MIT
// What is there to show of io_uring at one refresh? Who watches fills it, the views read it.
#pragma once
#include <string>
#include <vector>

#include "model/uring_figures.h"

namespace timeslice::model {

struct UringFrame {
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::vector<UringProcess> processes;
  std::vector<UringRing> rings;
  UringFigures figures;
  std::string source;     // of the threads' figures: "bpf", "proc"
  std::string note;       // why operations, or other figures, are missing
  bool all_gone = false;  // none of the processes is left
};

}  // namespace timeslice::model
