// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <map>

#include "labs/grade.h"
#include "labs/parts/lab.h"
#include "view/format/printable.h"
#include "view/format/wrapped.h"

namespace timeslice::labs {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kName = 18;  // columns

std::string clean(const std::string& name) {
  std::string text;
  view::append_printable(text, name);
  return text;
}

// Of several results of one lab, the best one.
char cell_of(const std::vector<const Grade*>& grades) {
  constexpr std::string_view kWorstFirst = ".!-epP";
  size_t best = 0;
  for (const Grade* grade : grades) {
    const char cell = !grade->refused.empty() ? '!'
                      : grade->passed()       ? 'P'
                      : grade->prediction     ? 'p'
                      : grade->explanation    ? 'e'
                                              : '-';
    best = std::max(best, kWorstFirst.find(cell));
  }
  return kWorstFirst[best];
}

}  // namespace

Json grades_json(const std::vector<Grade>& grades) {
  Json results = Json::array();
  for (const Grade& grade : grades)
    results.push_back({{"file", grade.path},
                       {"learner", grade.learner.empty() ? Json() : Json(grade.learner)},
                       {"lab", grade.lab ? Json(grade.lab) : Json()},
                       {"seed", grade.seed ? Json(grade.seed) : Json()},
                       {"passed", grade.passed()},
                       {"prediction_passed", grade.refused.empty() && grade.prediction},
                       {"explanation_passed", grade.refused.empty() && grade.explanation},
                       {"refused", grade.refused.empty() ? Json() : Json(grade.refused)},
                       {"runs_before", grade.runs_before},
                       {"solution_shown_before", grade.solution_was_shown}});
  return {{"schema", "timeslice/lab-grades/1"}, {"results", results}};
}

std::string grades_table(const std::vector<Grade>& grades, size_t width) {
  std::map<std::string, std::map<int, std::vector<const Grade*>>> rows;
  for (const Grade& grade : grades)
    if (!grade.learner.empty()) rows[grade.learner][grade.lab].push_back(&grade);
  std::string text = fmt::format("{:<{}}", "LEARNER", kName);
  for (const Lab& lab : all_labs()) text += fmt::format(" {:>3}", lab.number);
  text += "  PASSED\n";
  for (const auto& [learner, labs] : rows) {
    text += fmt::format("{:<{}.{}}", clean(learner), kName, kName);
    int passed = 0;
    for (const Lab& lab : all_labs()) {
      const auto found = labs.find(lab.number);
      const char cell = found == labs.end() ? '.' : cell_of(found->second);
      passed += cell == 'P';
      text += fmt::format(" {:>3}", cell);
    }
    text += fmt::format("  {:>6}\n", passed);
  }
  view::append_wrapped(text, "",
                       "P passed, p predicted only, e explained only, - neither, ! doesn't count, "
                       ". nothing handed in",
                       width);
  for (const Grade& grade : grades) {
    const std::string about = !grade.refused.empty()     ? clean(grade.refused)
                              : grade.solution_was_shown ? "the solution had been shown before"
                                                         : "";
    if (about.empty()) continue;
    text += clean(grade.path) + '\n';
    view::append_wrapped(text, "  ", about + ".", width);
  }
  return text;
}

}  // namespace timeslice::labs
