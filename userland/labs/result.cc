// SPDX-License-Identifier: MIT
#include "labs/result.h"

#include <sys/utsname.h>

#include <ctime>

#include "labs/digest.h"

namespace timeslice::labs {

namespace {

using Json = nlohmann::ordered_json;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

const char* stage_name(Stage stage) {
  return stage == Stage::prediction ? "prediction" : "explanation";
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

// By question; null: not answered.
Json answers_of(const Verdict& verdict, Stage stage) {
  Json answers = Json::object();
  for (const Graded& graded : verdict.answers)
    if (graded.stage == stage) answers[graded.key] = text_or_null(graded.answer);
  return answers;
}

Json graded_answers(const Verdict& verdict) {
  Json answers = Json::array();
  for (const Graded& graded : verdict.answers)
    answers.push_back({{"question", graded.key},
                       {"stage", stage_name(graded.stage)},
                       {"answer", text_or_null(graded.answer)},
                       {"right", graded.right},
                       {"misconception", graded.right ? Json() : Json(graded.why)},
                       {"evidence", graded.evidence}});
  return answers;
}

// The first one.
Json misconception_of(const Verdict& verdict) {
  if (!verdict.none.empty()) return {};
  for (const Graded& graded : verdict.answers)
    if (!graded.right) return graded.why;
  return {};
}

const char* word_of(const Verdict& verdict) {
  if (!verdict.none.empty()) return "none";
  return verdict.passed() ? "pass" : "fail";
}

}  // namespace

Json result_json(const Result& result) {
  utsname kernel{};
  uname(&kernel);
  const Verdict& verdict = result.verdict;
  const auto unless_none = [&](bool passed) {
    return verdict.none.empty() ? Json(passed) : Json();
  };
  return {{"schema", "timeslice/lab/1"},
          {"lab", result.lab},
          {"slug", result.slug},
          {"title", result.title},
          {"learner", result.learner},
          {"seed", result.seed},
          {"time", utc_now()},
          {"kernel", kernel.release},
          {"runs_before", result.before.runs},
          {"hints_before", result.before.hints},
          {"solution_shown_before", result.before.solved},
          {"parameters", result.parameters},
          {"prediction", answers_of(verdict, Stage::prediction)},
          {"explanation", answers_of(verdict, Stage::explanation)},
          {"verdict", word_of(verdict)},
          {"no_verdict", text_or_null(verdict.none)},
          {"passed", unless_none(verdict.passed())},
          {"prediction_passed", unless_none(verdict.passed(Stage::prediction))},
          {"explanation_passed", unless_none(verdict.passed(Stage::explanation))},
          {"misconception", misconception_of(verdict)},
          {"answers", graded_answers(verdict)},
          {"measured", result.measured.figures}};
}

Json result_file(const Result& result, const std::string& recording, const std::string& output) {
  Json file = result_json(result);
  file["cpus"] = result.machine.cpus;
  file["node"] = text_or_null(result.machine.node);
  file["output"] = output;
  file["recording"] = to_base64(recording);
  file["digest"] = result_digest(file);
  return file;
}

std::string result_digest(Json file) {
  file.erase("digest");
  return digest_of(file.dump());
}

std::string commitment(const LabText& text, int lab, uint64_t seed, const std::string& learner,
                       const Answers& answers) {
  Json predicted = Json::object();
  for (const Question& question : text.questions) {
    const auto answer = answers.find(question.key);
    if (question.stage == Stage::prediction)
      predicted[question.key] = answer == answers.end() ? "" : answer->second;
  }
  const Json all = Json::array({lab, seed, learner, predicted});
  return digest_of(all.dump()).substr(0, 16);
}

}  // namespace timeslice::labs
