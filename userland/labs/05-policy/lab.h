// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::policy {

Parameters variant(Random& random, const Machine& machine);
int workload(const Parameters& parameters, const Machine& machine);
Measured measure(const Seen& seen, const Parameters& parameters);

}  // namespace timeslice::labs::policy
