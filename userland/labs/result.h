// SPDX-License-Identifier: MIT
// What has a learner done? The answers to a lab's questions, what was measured for each, and the
// recording that shows it: whoever gets the file can measure again.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "labs/notebook.h"
#include "labs/parts/lab.h"
#include "labs/parts/verdict.h"

namespace timeslice::labs {

struct Result {
  int lab = 0;
  std::string slug, title;
  std::string learner;
  uint64_t seed = 0;
  Machine machine;
  Parameters parameters;
  Answers answers;
  Measured measured;
  Verdict verdict;
  Attempts before;
};

// Schema timeslice/lab/1.
nlohmann::ordered_json result_json(const Result& result);

// What a learner hands in: the same, and what is needed to measure again. `recording`: the file's
// bytes; `output`: what the workload has said.
nlohmann::ordered_json result_file(const Result& result, const std::string& recording,
                                   const std::string& output);

// Of a result file, without its "digest": what that has to be.
std::string result_digest(nlohmann::ordered_json file);

// What was predicted, in 16 hexadecimal digits. It is on the workload's command line, so it is in
// the recording, from before anything was measured. Answers to later questions don't count.
std::string commitment(const LabText& text, int lab, uint64_t seed, const std::string& learner,
                       const Answers& answers);

}  // namespace timeslice::labs
