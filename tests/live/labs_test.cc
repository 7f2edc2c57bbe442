// SPDX-License-Identifier: MIT
// Does each lab do what it is for? What was measured passes, with two seeds; each wrong answer
// fails for a reason of its own, and so does none at all.
#include <algorithm>
#include <set>

#include "labs/parts/verdict.h"
#include "labs/run.h"
#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::labs {

namespace {

using live::ScratchDirectory;

void check_wrong_answers(const LabText& text, const Measured& measured) {
  const Answers right = solution(text, measured);
  for (const Question& question : text.questions) {
    std::set<std::string> reasons;
    for (const Choice& choice : question.choices) {
      Answers answers = right;
      // Of a range, its beginning.
      answers[question.key] = choice.id.substr(0, choice.id.find(".."));
      if (answers == right) continue;
      const Verdict verdict = judge(text, measured, answers);
      const bool is_right_range = question.is_number && choice.misconception.empty();
      if (is_right_range) continue;  // its beginning may be near enough
      CAPTURE(question.key, choice.id);
      CHECK_FALSE(verdict.passed());
      for (const Graded& graded : verdict.answers) {
        CHECK(graded.right == (graded.key != question.key));
        if (graded.key != question.key) continue;
        CHECK(graded.why == choice.misconception);
        CHECK(graded.why.size() > 20);
        CHECK(reasons.insert(graded.why).second);
      }
    }
    Answers blank = right;
    blank.erase(question.key);
    CHECK_FALSE(judge(text, measured, blank).passed());
  }
  CHECK_FALSE(judge(text, measured, {}).passed());
}

void check_lab(int number) {
  const auto lab = std::find_if(all_labs().begin(), all_labs().end(),
                                [&](const Lab& one) { return one.number == number; });
  REQUIRE(lab != all_labs().end());
  const Machine machine = this_machine();
  const ScratchDirectory scratch;
  for (const uint64_t seed : {1, 7}) {
    CAPTURE(number, seed);
    const Parameters parameters = parameters_of(*lab, seed, machine);
    const LabText text = filled_in(parse_lab(lab->page), parameters);
    Measured measured;
    for (int i = 0; i < 5 && (i == 0 || !measured.no_verdict.empty()); ++i) {
      const Run run = run_workload(
          *lab, {.seed = seed, .directory = scratch.path(), .program = live::timeslice()});
      measured = measure(*lab, run, parameters).measured;
    }
    if (!measured.no_verdict.empty()) SKIP_TEST("no verdict: " + measured.no_verdict);
    INFO(measured.figures.dump());
    CHECK(judge(text, measured, solution(text, measured)).passed());
    check_wrong_answers(text, measured);
  }
}

}  // namespace

TEST_CASE("lab 1: process or thread") { check_lab(1); }
TEST_CASE("lab 2: concurrent or parallel") { check_lab(2); }
TEST_CASE("lab 3: who gives up the CPU") { check_lab(3); }
TEST_CASE("lab 4: what nice does") { check_lab(4); }
TEST_CASE("lab 5: policy, affinity, migration") { check_lab(5); }
TEST_CASE("lab 6: Node's hidden threads") { check_lab(6); }
TEST_CASE("lab 7: which callback comes first") { check_lab(7); }
TEST_CASE("lab 8: the blocked loop") { check_lab(8); }
TEST_CASE("lab 9: the worker pool") { check_lab(9); }
TEST_CASE("lab 10: what the kernel takes over") { check_lab(10); }
TEST_CASE("lab 11: how many workers") { check_lab(11); }
TEST_CASE("lab 12: messages, shared memory, shared state") { check_lab(12); }
TEST_CASE("lab 13: make it faster") { check_lab(13); }

}  // namespace timeslice::labs
