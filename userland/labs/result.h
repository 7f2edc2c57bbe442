// SPDX-License-Identifier: MIT
// What a learner has done: the answers to a lab's questions, and what was measured for each.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "labs/parts/lab.h"
#include "labs/parts/verdict.h"

namespace timeslice::labs {

struct Result {
  int lab = 0;
  uint64_t seed = 0;
  Parameters parameters;
  Measured measured;
  Verdict verdict;
};

// Schema timeslice/lab/1.
nlohmann::ordered_json result_json(const Lab& lab, const LabText& text, const Result& result);

// In a lab's directory: the last result; replaced as a whole. Throws Failure.
void keep_result(const std::string& directory, const nlohmann::ordered_json& result);
// Whether the last run was passed; absent: there was none, or it can't be read.
std::optional<bool> was_passed(const std::string& directory);

// How many hints have been shown since the lab was begun; and one more.
size_t hints_shown(const std::string& directory);
void note_hint(const std::string& directory, size_t shown);

}  // namespace timeslice::labs
