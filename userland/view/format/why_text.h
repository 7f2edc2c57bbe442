// SPDX-License-Identifier: MIT
// What does `timeslice why` print? Of each process its causes, the costliest first, in sentences.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/why.h"

namespace timeslice::view {

struct ToldProcess {
  model::WatchedProcess process;
  std::vector<model::Cause> causes;
};

void append_text(std::string& out, const std::vector<ToldProcess>& processes);

}  // namespace timeslice::view
