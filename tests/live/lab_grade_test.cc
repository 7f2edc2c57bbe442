// SPDX-License-Identifier: MIT
// Does a result count only if its learner ran the lab? What was run is believed; what was edited,
// copied, of another seed, or put together without running the workload isn't.
#include <nlohmann/json.hpp>

#include "base/private_file.h"
#include "labs/digest.h"
#include "labs/file_contents.h"
#include "labs/grade.h"
#include "labs/notebook.h"
#include "labs/result.h"
#include "labs/run.h"
#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::labs {

namespace {

using Json = nlohmann::ordered_json;
using live::ScratchDirectory;

constexpr uint64_t kSeed = 5;

const Lab& the_lab() { return all_labs().front(); }

Result result_of(const std::string& learner) {
  Result result;
  result.lab = the_lab().number;
  result.slug = the_lab().slug;
  result.learner = learner;
  result.seed = kSeed;
  result.machine = this_machine();
  result.parameters = parameters_of(the_lab(), kSeed, result.machine);
  return result;
}

// What `learner` hands in who knew the answers beforehand; but for `wrong`, if that is a question.
Json handed_in(const std::string& learner, const std::string& wrong = "") {
  const ScratchDirectory scratch;
  Result result = result_of(learner);
  const LabText text = filled_in(parse_lab(the_lab().page), result.parameters);
  result.answers = {
      {"pids", "3"}, {"tids", "5"}, {"total", "threads"}, {"memory", "process"}, {"why", "copy"}};
  if (!wrong.empty()) result.answers[wrong] = text.question(wrong)->choices.front().id;
  RunOptions options;
  options.seed = kSeed;
  options.directory = scratch.path();
  options.commitment = commitment(text, result.lab, kSeed, learner, result.answers);
  options.program = live::timeslice();
  const Run run = run_workload(the_lab(), options);
  result.measured = measure(the_lab(), run, result.parameters).measured;
  result.verdict = judge(text, result.measured, result.answers);
  INFO(result.measured.no_verdict);
  REQUIRE(result.verdict.none.empty());
  return result_file(result, contents_of(run.recording), run.output);
}

class Folder {
 public:
  // Returns its path.
  std::string add(const std::string& name, const std::string& bytes) const {
    std::string path = scratch_.path() + "/" + name + ".json";
    write_private(path, bytes, Earlier::replace);
    return path;
  }
  Grade grade(const Json& file, std::optional<uint64_t> class_seed = kSeed) const {
    return grade_of(add("one", file.dump()), class_seed);
  }
  // Of one who knows how the digest is made.
  Grade grade_forged(Json file) const {
    file["digest"] = result_digest(file);
    return grade(file);
  }
  [[nodiscard]] const std::string& path() const { return scratch_.path(); }

 private:
  ScratchDirectory scratch_;
};

void check_refused(const Grade& grade, const std::string& because) {
  CAPTURE(grade.refused);
  CHECK_FALSE(grade.passed());
  CHECK(grade.refused.find(because) != std::string::npos);
}

}  // namespace

TEST_CASE("a lab's result is measured again from what is in it") {
  const Folder folder;
  const Json right = handed_in("ann"), wrong = handed_in("ben", "pids");
  SECTION("who ran it and was right has passed; who was wrong hasn't") {
    const Grade ann = folder.grade(right), ben = folder.grade(wrong);
    CHECK(ann.passed());
    CHECK(ben.refused.empty());
    CHECK_FALSE(ben.prediction);
    CHECK(ben.explanation);
  }
  SECTION("what was changed afterwards doesn't count") {
    Json edited = wrong;
    edited["prediction"]["pids"] = "3";
    check_refused(folder.grade(edited), "changed after it was written");
    // The recording has begun with other predictions, another name and another seed.
    check_refused(folder.grade_forged(edited), "isn't of this run");
    Json renamed = right;
    renamed["learner"] = "ben";
    check_refused(folder.grade_forged(renamed), "isn't of this run");
    Json other_seed = right;
    other_seed["seed"] = kSeed + 1;
    other_seed["digest"] = result_digest(other_seed);
    check_refused(folder.grade(other_seed, kSeed + 1), "isn't of this run");
    Json nothing = right;
    nothing["recording"] = to_base64("nothing was recorded");
    CHECK_FALSE(folder.grade_forged(nothing).passed());
  }
  SECTION("each learner has a seed, or the class has one") {
    check_refused(folder.grade(right, std::nullopt), "it is of seed 5, and ann's is ");
    check_refused(folder.grade(right, 6), "the class's is 6");
  }
  SECTION("what was tried with another seed beside isn't handed in") {
    folder.add("ann", right.dump());
    Json tried = right;
    tried["seed"] = kSeed + 1;
    tried["recording"] = to_base64("of another run");
    tried["digest"] = result_digest(tried);
    const std::string path = folder.add("tried", tried.dump());
    CHECK(grade_of(path, kSeed).of_other_seed);
    const auto grades = grades_of({folder.path()}, kSeed);
    REQUIRE(grades.size() == 1);
    CHECK(grades.front().passed());
  }
  SECTION("one recording is one learner's") {
    folder.add("ann", right.dump());
    folder.add("again", right.dump());
    for (const Grade& grade : grades_of({folder.path()}, kSeed)) CHECK(grade.passed());
    Json copied = right;
    copied["learner"] = "eve";
    copied["digest"] = result_digest(copied);
    folder.add("eve", copied.dump());
    for (const Grade& grade : grades_of({folder.path()}, kSeed)) CHECK_FALSE(grade.passed());
  }
  SECTION("a table and an object say who passed") {
    folder.add("ann", right.dump());
    folder.add("ben", wrong.dump());
    const auto grades = grades_of({folder.path()}, kSeed);
    REQUIRE(grades.size() == 2);
    const std::vector<std::string> lines = live::lines_of(grades_table(grades, 80));
    CHECK(lines.at(1).find("ann                  P   .") == 0);
    CHECK(lines.at(2).find("ben                  e   .") == 0);
    const Json json = grades_json(grades);
    CHECK(json["results"][0]["passed"] == true);
    CHECK(json["results"][1]["passed"] == false);
  }
}

TEST_CASE("what is no result of a lab is refused with a sentence, whatever it is") {
  const Folder folder;
  for (const char* bytes : {"", "{", "[]", "{}", "null", "{\"learner\": 5}"})
    check_refused(grade_of(folder.add("one", bytes), kSeed), "it isn't the result of a lab");
  check_refused(grade_of(folder.path() + "/none", kSeed), "it isn't the result of a lab");
}

TEST_CASE("a lab runs from its options to its exit status, and is remembered") {
  const ScratchDirectory state;
  const auto lab = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {live::timeslice(), "lab"});
    return live::run(arguments, [&] { setenv("XDG_STATE_HOME", state.path().c_str(), 1); });
  };
  const auto passed = [&](int number) {
    const Json list = Json::parse(lab({"--json"}).out);
    return list["labs"].at(static_cast<size_t>(number - 1))["passed"];
  };
  CHECK(passed(1).is_null());
  CHECK_FALSE(is_taken(state.path() + "/timeslice"));  // to look is to make nothing
  const auto wrong = lab({"1", "--answer", "1", "5", "threads", "process", "copy", "--json"});
  CAPTURE(wrong.err);
  CHECK(wrong.status == 1);
  const Json json = Json::parse(wrong.out);
  CHECK(json["verdict"] == "fail");
  CHECK(json["prediction_passed"] == false);
  CHECK(json["explanation_passed"] == true);
  CHECK(json["misconception"].get<std::string>().find("fork() made two") == 0);
  CHECK(passed(1) == false);
  const auto right = lab({"1", "--answer", "3", "5", "threads", "process", "why=copy", "--report",
                          state.path() + "/page.html"});
  CHECK(right.status == 0);
  CHECK(right.out.find("Prediction: passed\nExplanation: passed\n") != std::string::npos);
  CHECK(contents_of(state.path() + "/page.html").find("Lab 1: ") != std::string::npos);
  CHECK(passed(1) == true);
  const auto grades = lab({"--grade"});
  CHECK(grades.status == 0);
  CHECK(grades.out.find(" P ") != std::string::npos);
  {
    const char* const earlier = getenv("XDG_STATE_HOME");
    const std::string kept = earlier ? earlier : "";
    setenv("XDG_STATE_HOME", state.path().c_str(), 1);
    Notebook beside(the_lab().slug);
    kept.empty() ? unsetenv("XDG_STATE_HOME") : setenv("XDG_STATE_HOME", kept.c_str(), 1);
    beside.begin();
    const auto second = lab({"1", "--solve"});
    CHECK(second.status == 1);
    CHECK(second.err.find("this lab is being run already") != std::string::npos);
  }
  CHECK(lab({"1", "--hint"}).out.find("1. ") == 0);
  CHECK(lab({"1", "--hint"}).out.find("\n2. ") != std::string::npos);
  CHECK(lab({"1", "--reset"}).status == 0);
  CHECK(passed(1).is_null());
}

}  // namespace timeslice::labs
