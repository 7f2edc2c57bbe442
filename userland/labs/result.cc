// SPDX-License-Identifier: MIT
#include "labs/result.h"

#include <sys/utsname.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/failure.h"

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

void replace_file(const std::string& path, const std::string& contents) {
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::binary);
  file << contents;
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0) {
    std::remove(fresh.c_str());
    throw Failure("cannot write " + path);
  }
}

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const char* stage_name(Stage stage) {
  return stage == Stage::prediction ? "prediction" : "explanation";
}

}  // namespace

Json result_json(const Lab& lab, const LabText& text, const Result& result) {
  Json answers = Json::array();
  for (const Graded& graded : result.verdict.answers)
    answers.push_back({{"question", graded.key},
                       {"stage", stage_name(graded.stage)},
                       {"answer", graded.answer.empty() ? Json() : Json(graded.answer)},
                       {"right", graded.right},
                       {"why_not", graded.right ? Json() : Json(graded.why)},
                       {"measured", graded.evidence}});
  utsname kernel{};
  uname(&kernel);
  const bool has_verdict = result.verdict.none.empty();
  return {
      {"schema", "timeslice/lab/1"},
      {"lab", lab.number},
      {"slug", lab.slug},
      {"title", text.title},
      {"time", utc_now()},
      {"kernel", kernel.release},
      {"seed", result.seed},
      {"parameters", result.parameters},
      {"passed", has_verdict ? Json(result.verdict.passed()) : Json()},
      {"prediction_passed", has_verdict ? Json(result.verdict.passed(Stage::prediction)) : Json()},
      {"explanation_passed",
       has_verdict ? Json(result.verdict.passed(Stage::explanation)) : Json()},
      {"no_verdict", has_verdict ? Json() : Json(result.verdict.none)},
      {"answers", answers},
      {"figures", result.measured.figures}};
}

void keep_result(const std::string& directory, const Json& result) {
  replace_file(directory + "/result.json", result.dump(2) + "\n");
}

std::optional<bool> was_passed(const std::string& directory) {
  const Json result =
      Json::parse(contents_of(directory + "/result.json"), nullptr, /*allow_exceptions=*/false);
  if (!result.is_object() || !result.contains("passed") || !result["passed"].is_boolean())
    return std::nullopt;
  return result["passed"].get<bool>();
}

size_t hints_shown(const std::string& directory) {
  return static_cast<size_t>(number_in(contents_of(directory + "/hints")).value_or(0));
}

void note_hint(const std::string& directory, size_t shown) {
  replace_file(directory + "/hints", std::to_string(shown));
}

}  // namespace timeslice::labs
