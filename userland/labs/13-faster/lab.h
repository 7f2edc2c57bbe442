// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::faster {

int workload(const Setting& setting);
Lab lab();

}  // namespace timeslice::labs::faster
