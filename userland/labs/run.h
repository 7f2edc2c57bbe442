// SPDX-License-Identifier: MIT
// How is a lab run? Its workload runs as a command of its own while the kernel's switches are
// recorded; then the recording is asked what it says about each question.
#pragma once
#include <cstdint>
#include <string>

#include "labs/parts/lab.h"
#include "play/recording.h"

namespace timeslice::labs {

// Of this process: the CPUs it may use, and Node if it is in PATH.
Machine this_machine();

Parameters parameters_of(const Lab& lab, uint64_t seed, const Machine& machine);

struct Run {
  std::string recording;  // a file's path
  std::string output;     // what the workload has said
};

struct RunOptions {
  uint64_t seed = 1;
  std::string directory;     // whose earlier run is replaced
  std::string commitment;    // to what was predicted: goes into the recording. Empty: to nothing
  std::string program = {};  // timeslice's path; empty: this one's
};

// Throws Failure: not recorded, or interrupted.
Run run_workload(const Lab& lab, const RunOptions& options);

// In the recorded process: the workload itself. Returns its exit status.
int be_workload(const Lab& lab, uint64_t seed);

struct Measurement {
  Measured measured;
  std::string recorded;  // the command of which this is the recording
};

// Throws Failure where the file can't be read.
Measurement measure(const Lab& lab, const Run& run, const Parameters& parameters);

}  // namespace timeslice::labs
