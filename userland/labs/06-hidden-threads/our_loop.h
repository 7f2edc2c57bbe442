// SPDX-License-Identifier: MIT
// The same steps on our own event loop, which has no V8, and a file's read before its size is asked
// for: which threads are the loop's?
#pragma once
#include <string>

namespace timeslice::labs::hidden_threads {

// A line "ours BACKEND STEP NAME NAME…" for each step on each of two back ends: the threads of this
// process then. `pool`: threads of its pool. Throws Failure.
std::string threads_of_our_loop(unsigned pool);

}  // namespace timeslice::labs::hidden_threads
