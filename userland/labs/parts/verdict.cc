// SPDX-License-Identifier: MIT
#include "labs/parts/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/bad_usage.h"

namespace timeslice::labs {

namespace {

const Truth* truth_of(const Measured& measured, const std::string& key) {
  const auto found = std::find_if(measured.truths.begin(), measured.truths.end(),
                                  [&](const Truth& truth) { return truth.key == key; });
  return found == measured.truths.end() ? nullptr : &*found;
}

bool is_right(const Question& question, const Truth& truth, const std::string& answer) {
  if (!question.is_number)
    return std::find(truth.right.begin(), truth.right.end(), answer) != truth.right.end();
  const auto given = number_in(answer);
  return given && std::any_of(truth.right.begin(), truth.right.end(), [&](const auto& right) {
           const auto number = number_in(right);
           return number && std::abs(*given - *number) <= truth.tolerance;
         });
}

std::string choices_of(const Question& question) {
  std::string words;
  for (const Choice& choice : question.choices) words += (words.empty() ? "" : ", ") + choice.id;
  return question.is_number ? "a number" : words;
}

Graded graded(const Question& question, const Truth* truth, const Answers& answers) {
  Graded graded{question.key, "", question.stage, false, "", truth ? truth->evidence : ""};
  const auto answer = answers.find(question.key);
  if (answer == answers.end() || answer->second.empty()) {
    graded.why = "There is no answer.";
    return graded;
  }
  graded.answer = answer->second;
  if (!truth) {
    graded.why = "This wasn't measured.";
    return graded;
  }
  graded.right = is_right(question, *truth, graded.answer);
  if (graded.right) return graded;
  const Choice* choice = question.choice(graded.answer);
  graded.why = choice && !choice->misconception.empty() ? choice->misconception
                                                        : "It isn't what was measured.";
  return graded;
}

}  // namespace

bool Verdict::passed() const {
  return none.empty() && std::all_of(answers.begin(), answers.end(),
                                     [](const Graded& graded) { return graded.right; });
}

bool Verdict::passed(Stage stage) const {
  return none.empty() && std::all_of(answers.begin(), answers.end(), [&](const Graded& graded) {
           return graded.stage != stage || graded.right;
         });
}

Verdict judge(const LabText& lab, const Measured& measured, const Answers& answers) {
  Verdict verdict;
  verdict.none = measured.no_verdict;
  for (const Question& question : lab.questions)
    verdict.answers.push_back(graded(question, truth_of(measured, question.key), answers));
  return verdict;
}

Answers parse_answers(const LabText& lab, const std::vector<std::string>& words) {
  Answers answers;
  size_t next = 0;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const bool is_named = equals != std::string::npos;
    if (!is_named && next >= lab.questions.size())
      throw BadUsage("there are more answers than questions, which are " +
                     std::to_string(lab.questions.size()));
    const std::string key = is_named ? word.substr(0, equals) : lab.questions[next++].key;
    const std::string answer = is_named ? word.substr(equals + 1) : word;
    const Question* question = lab.question(key);
    if (!question) throw BadUsage("this lab has no question " + key);
    if (!answer.empty() && !question->choice(answer))
      throw BadUsage(fmt::format("answer {} with {}, not {}", key, choices_of(*question), answer));
    if (!answers.try_emplace(key, answer).second) throw BadUsage(key + " is answered twice");
  }
  return answers;
}

Answers solution(const LabText& lab, const Measured& measured) {
  Answers answers;
  for (const Question& question : lab.questions)
    if (const Truth* truth = truth_of(measured, question.key); truth && !truth->right.empty())
      answers[question.key] = truth->right.front();
  return answers;
}

}  // namespace timeslice::labs
