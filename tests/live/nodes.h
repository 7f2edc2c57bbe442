// SPDX-License-Identifier: MIT
// Which versions of Node are there to be tried?
#pragma once
#include <string>
#include <vector>

namespace timeslice::live {

// The one in PATH, if there is one; and those that the environment's NODES names, as PATH:PATH.
// tests/run.sh names the newest of each major version there, with CI set.
std::vector<std::string> nodes();

}  // namespace timeslice::live
