// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::process_or_thread {

Parameters variant(Random& random, const Machine& machine);
int workload(const Parameters& parameters, const Machine& machine);
Measured measure(const Seen& seen, const Parameters& parameters);
std::string picture(const Measured& measured);

}  // namespace timeslice::labs::process_or_thread
