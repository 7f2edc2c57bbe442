// SPDX-License-Identifier: MIT
// Were the answers right? Each is compared with what was measured; a wrong one is told the idea
// that it stands for, and what in the measurement contradicts it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "labs/parts/lab.h"
#include "labs/parts/text.h"

namespace timeslice::labs {

using Answers = std::map<std::string, std::string>;  // by the question's key

struct Graded {
  std::string key, answer;
  Stage stage = Stage::prediction;
  bool right = false;
  std::string why;       // of a wrong one: the misconception; or that there is no answer
  std::string evidence;  // what was measured
};

struct Verdict {
  std::vector<Graded> answers;  // one for each question, in the lab's order
  std::string none;             // why there is no verdict; empty: there is one

  [[nodiscard]] bool passed() const;
  // Whether all of this stage's are right.
  [[nodiscard]] bool passed(Stage stage) const;
};

Verdict judge(const LabText& lab, const Measured& measured, const Answers& answers);

// "key=word" each, or a word for each question in their order. Throws BadUsage.
Answers parse_answers(const LabText& lab, const std::vector<std::string>& words);

// The answers that this measurement proves right.
Answers solution(const LabText& lab, const Measured& measured);

}  // namespace timeslice::labs
