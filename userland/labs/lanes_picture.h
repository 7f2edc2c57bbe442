// SPDX-License-Identifier: MIT
// The recording of a lab as lanes: who ran on each CPU, and what each thread did.
#pragma once
#include <string>

#include "labs/run.h"
#include "view/report/lanes.h"

namespace timeslice::labs {

// Of the part from `round` on, if there is one of that name; else of all of it.
std::string lanes_of(const Run& run, const std::string& round, const view::LaneOptions& options);

}  // namespace timeslice::labs
