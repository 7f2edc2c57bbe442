// SPDX-License-Identifier: MIT
// Where does a workload say what it did? In the file that whoever runs it has named.
#pragma once
#include <string>

namespace timeslice::labs {

inline constexpr char kOutputVariable[] = "TIMESLICE_LAB_OUTPUT";

// Returns the exit status that the workload ends with.
int write_output(const std::string& output);

}  // namespace timeslice::labs
