// SPDX-License-Identifier: MIT
#pragma once
#include "labs/parts/lab.h"

namespace timeslice::labs::process_or_thread {

int workload(const Setting& setting);
Lab lab();

}  // namespace timeslice::labs::process_or_thread
