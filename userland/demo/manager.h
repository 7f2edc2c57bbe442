// SPDX-License-Identifier: MIT
// How does the demo serve with several processes? As a cluster: this process becomes the manager,
// which serves nobody, and each worker runs a Server of its own.
#pragma once
#include "demo/demo.h"

namespace timeslice::demo {

// Serves until SIGTERM, SIGINT or the end of `options.seconds`; SIGHUP replaces the workers. Throws
// Failure if it can't begin, or if no worker can.
void run_cluster(const DemoOptions& options);

}  // namespace timeslice::demo
