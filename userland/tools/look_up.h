// SPDX-License-Identifier: MIT
// Through what does the model learn what isn't in a row? Here the model's questions meet the files
// and memory of processes, for it knows no system call itself.
#pragma once
#include "model/group.h"
#include "observe/process_facts.h"

namespace timeslice::tools {

// `files` outlives the result.
model::LookUp look_up_through(observe::ProcessLookUp& files);

}  // namespace timeslice::tools
