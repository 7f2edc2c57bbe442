// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::routes {

int workload(const Setting& setting);
Lab lab();

}  // namespace timeslice::labs::routes
