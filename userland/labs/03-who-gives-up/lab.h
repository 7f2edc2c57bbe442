// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::who_gives_up {

int workload(const Setting& setting);
Lab lab();

}  // namespace timeslice::labs::who_gives_up
