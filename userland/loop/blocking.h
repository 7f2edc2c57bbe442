// SPDX-License-Identifier: MIT
// What is an operation as a plain system call? This: whoever calls is blocked until it's done.
// The thread pool's workers do nothing else, and the blocking back end does it in the loop itself.
#pragma once
#include "loop/request.h"

namespace timeslice::loop {

// Returns the result or -errno. Kinds that wait for a peer (accept, poll, ...) give -ENOTSUP.
int run_blocking(Request& request);

}  // namespace timeslice::loop
