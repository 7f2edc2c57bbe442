// SPDX-License-Identifier: MIT
// Is what was handed in so? Each result is checked and measured again from the recording in it, and
// the answers are compared with that, whatever the file says about them.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace timeslice::labs {

struct Grade {
  std::string path;
  std::string learner;  // empty: it can't be told
  int lab = 0;
  uint64_t seed = 0;
  std::string refused;         // why it doesn't count; empty: it does
  bool of_other_seed = false;  // than the learner's: what was tried besides, or is somebody else's
  std::string digest;          // of the recording
  bool prediction = false, explanation = false;
  bool solution_was_shown = false;  // before this run
  uint64_t runs_before = 0;

  [[nodiscard]] bool passed() const { return refused.empty() && prediction && explanation; }
};

// `class_seed`: that everybody was given; absent: each has the seed of the name.
Grade grade_of(const std::string& path, std::optional<uint64_t> class_seed);

// All of them, in the order of learners and labs; but none of another seed where there is one of
// the right seed. A recording that two learners have handed in counts for neither: who ran it can't
// be told from the files. Paths are results, or directories that have some at any depth. Throws
// Failure: one isn't there, or none is a result.
std::vector<Grade> grades_of(const std::vector<std::string>& paths,
                             std::optional<uint64_t> class_seed);

// Schema timeslice/lab-grades/1.
nlohmann::ordered_json grades_json(const std::vector<Grade>& grades);

// A line for each learner, a column for each lab; below, a sentence for each that doesn't count.
std::string grades_table(const std::vector<Grade>& grades, size_t width);

}  // namespace timeslice::labs
