// SPDX-License-Identifier: MIT
// Is an answer compared with what was measured, and a wrong one told the idea that it stands for?
#include "labs/parts/verdict.h"

#include "base/bad_usage.h"
#include "labs/parts/overlap.h"
#include "tests/catch.h"

namespace timeslice::labs {

namespace {

const LabText kLab = parse_lab(
    "# Title\n## Predict\n### most\nHow many?\n- `1`\n- `2`\n  > Ready isn't running.\n"
    "### ratio\nHow many times?\n- `0..1`\n  > Not ignored.\n- `1..9`\n"
    "## Explain\n### why\nWhy?\n- `a`\n- `b`\n  > It isn't.\n");

Measured measured() {
  Measured made;
  made.truths = {{"most", {"1"}, 0, "1 at most."},
                 {"ratio", {"3.05"}, 0.5, "3.05 times."},
                 {"why", {"a"}, 0, "It was a."}};
  return made;
}

model::Slice slice(uint32_t thread, uint64_t begin_ns, uint64_t end_ns) {
  model::Slice made;
  made.thread = thread;
  made.begin_ns = begin_ns;
  made.end_ns = end_ns;
  return made;
}

}  // namespace

TEST_CASE("what was measured is right, and nothing else is") {
  const Verdict right = judge(kLab, measured(), {{"most", "1"}, {"ratio", "3.5"}, {"why", "a"}});
  CHECK(right.passed());
  const Verdict wrong = judge(kLab, measured(), {{"most", "2"}, {"ratio", "3.6"}, {"why", "a"}});
  CHECK_FALSE(wrong.passed());
  CHECK_FALSE(wrong.passed(Stage::prediction));
  CHECK(wrong.passed(Stage::explanation));
  CHECK(wrong.answers[0].why == "Ready isn't running.");
  CHECK(wrong.answers[0].evidence == "1 at most.");
  CHECK(wrong.answers[1].why == "It isn't what was measured.");
  CHECK(judge(kLab, measured(), {{"ratio", "0.9"}}).answers[1].why == "Not ignored.");
}

TEST_CASE("blank answers, and what wasn't measured, don't pass") {
  const Verdict blank = judge(kLab, measured(), {{"most", ""}});
  CHECK_FALSE(blank.passed());
  for (const Graded& graded : blank.answers) CHECK(graded.why == "There is no answer.");
  Measured nothing;
  CHECK_FALSE(judge(kLab, nothing, {{"most", "1"}, {"ratio", "3"}, {"why", "a"}}).passed());
  Measured noisy = measured();
  noisy.no_verdict = "too busy";
  const Verdict none = judge(kLab, noisy, {{"most", "1"}, {"ratio", "3"}, {"why", "a"}});
  CHECK(none.none == "too busy");
  CHECK_FALSE(none.passed());
}

TEST_CASE("answers are taken in order or by name, and refused where they can't be one") {
  CHECK(parse_answers(kLab, {"1", "why=a", "3"}) ==
        Answers{{"most", "1"}, {"ratio", "3"}, {"why", "a"}});
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"7"}, {"1", "many"}, {"how=1"}, {"1", "most=2"}, {"1", "2", "a", "b"}}) {
    CAPTURE(words.front());
    CHECK_THROWS_AS(parse_answers(kLab, words), BadUsage);
  }
  CHECK(judge(kLab, measured(), solution(kLab, measured())).passed());
}

TEST_CASE("how many ran at once, and for how long, follows from their slices") {
  const std::vector<model::Slice> slices = {slice(0, 0, 40), slice(1, 30, 60), slice(9, 0, 100),
                                            slice(0, 60, 80), slice(model::kNobody, 0, 100)};
  const auto ours = [](uint32_t thread) { return thread < 2; };
  const Overlap overlap = overlap_of(slices, 10, 100, ours);
  CHECK(overlap.most() == 2);
  CHECK(overlap.ns == std::vector<uint64_t>{20, 60, 10});
  CHECK(overlap_of({}, 10, 100, ours).ns == std::vector<uint64_t>{90});
}

TEST_CASE(
    "the CPU time that computing threads didn't get is what they could have had, less theirs") {
  const auto ours = [](uint32_t thread) { return thread < 2; };
  // Two threads on one CPU, which somebody else had from 20 to 40.
  const std::vector<model::Slice> slices = {slice(0, 0, 20), slice(9, 20, 40), slice(1, 40, 60),
                                            slice(0, 60, 80)};
  CHECK(kept_from_ns(slices, 0, 100, ours, 1) == 20);
  CHECK(kept_from_ns(slices, 0, 100, ours, 2) == 60 + 80 - 60);
  CHECK(kept_from_ns({}, 0, 100, ours, 2) == 0);
}

}  // namespace timeslice::labs
