// SPDX-License-Identifier: MIT
// When did each part of a workload begin and end? The workload writes it down, a line each:
// "round NAME BEGIN END", CLOCK_MONOTONIC in ns; whoever measures looks at the recording between.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace timeslice::labs {

struct Round {
  uint64_t begin_ns = 0, end_ns = 0;
};

// Appends the line to what the workload has said.
void say_round(std::string& output, const std::string& name, const Round& round);
// Absent: it isn't there, or isn't such a line.
std::optional<Round> round_in(const std::string& output, const std::string& name);
// The same of a line that begins with other words.
std::optional<Round> span_in(const std::string& output, const std::string& beginning);

}  // namespace timeslice::labs
