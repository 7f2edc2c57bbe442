// SPDX-License-Identifier: MIT
// What does a lab say? Its lab.md, taken apart: a page for people that has the questions in it,
// with the answers to choose from and, for each wrong one, the idea behind it and what contradicts
// it.
//
//   # Title
//   teaches: one line        minutes: 4        needs: recording, cpus 2
//   ## The idea / ## The question / ## Look at / ## Why / ## Security / ## Try next  (text)
//   ## Predict               (questions that come before the workload; ## Explain: after it)
//   ### key
//   The question, in any number of lines.
//   - `1` one of them        (a choice; the first word is what is typed)
//     > Why somebody would think so, and what shows that it isn't so.
//   - `0..1` number          (a range of numbers, where any number may be typed)
//   ## Hints                 (1. 2. 3., each telling more)
//
// {name} stands for a parameter of the variant.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace timeslice::labs {

struct Choice {
  std::string
      id;  // as it is typed; of numbers "LOW..HIGH", ascending: 2 is of "2..4", not of "0..2"
  std::string text;           // empty: the id says it
  std::string misconception;  // empty: it isn't listed as a wrong one
};

enum class Stage { prediction, explanation };

struct Question {
  std::string key;
  Stage stage = Stage::prediction;
  std::string text;
  bool is_number = false;  // else one of the choices
  std::vector<Choice> choices;

  // Null: this isn't an answer to it.
  [[nodiscard]] const Choice* choice(const std::string& answer) const;
};

struct LabText {
  std::string title, teaches;
  uint32_t minutes = 0;
  std::vector<std::string> needs;               // "recording", "node", "cpus 2"
  std::map<std::string, std::string> sections;  // by heading, in small letters
  std::vector<Question> questions;              // predictions first
  std::vector<std::string> hints;

  [[nodiscard]] const std::string& section(const std::string& heading) const;
  [[nodiscard]] const Question* question(const std::string& key) const;
};

// Throws Failure with the line that it can't read.
LabText parse_lab(std::string_view markdown);

using Parameters = std::map<std::string, int64_t>;

// The lab of one variant: each {name} replaced, in its choices' words as well.
LabText filled_in(LabText lab, const Parameters& parameters);

// Where among its choices a right explanation stands is a matter of the seed. (Predictions keep
// their order, which often is one of size.)
void shuffle_explanations(LabText& lab, uint64_t seed);

// With each {name} replaced. Throws Failure where a name isn't a parameter.
std::string filled_in(std::string_view text, const Parameters& parameters);

// A number, as people type it: "3", "2.5", "40 %". Absent: it isn't one.
std::optional<double> number_in(const std::string& text);

}  // namespace timeslice::labs
