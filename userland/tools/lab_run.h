// SPDX-License-Identifier: MIT
// One lab, from its page to its verdict: asks, runs, shows, judges.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "labs/notebook.h"
#include "labs/parts/lab.h"

namespace timeslice::tools {

struct LabOptions {
  std::vector<std::string> answers;  // as on the command line; what is missing is asked for
  std::string learner;
  uint64_t seed = 1;
  bool solve = false, json = false;
  std::string report;  // a page's path; empty: none
};

// Returns the exit status: 0 passed, 1 not, 3 no verdict. Throws Failure, BadUsage.
int run_lab(const labs::Lab& lab, const LabOptions& options);

// As wide as the terminal, 40 to 80.
size_t lab_width();

}  // namespace timeslice::tools
