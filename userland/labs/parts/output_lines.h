// SPDX-License-Identifier: MIT
// What has a workload said? Lines of words; the first ones say what a line is about.
#pragma once
#include <sstream>
#include <string>
#include <vector>

namespace timeslice::labs {

// Of each line that begins with the words `beginning`, what follows them, in the lines' order.
std::vector<std::istringstream> lines_after(const std::string& output,
                                            const std::string& beginning);

}  // namespace timeslice::labs
