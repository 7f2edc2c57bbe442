// SPDX-License-Identifier: MIT
// Is a lab's page read as it is written, and refused where it says something that can't be meant?
#include "labs/parts/text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/failure.h"
#include "tests/catch.h"

namespace timeslice::labs {

namespace {

constexpr const char* kPage = R"(# Who runs?
teaches: what a CPU does
minutes: 4
needs: recording, cpus 2

## The idea
One line,
and another.

A second paragraph with {ms}.

## Predict
### most
How many run
at once?
- `1`
- `{more}` more of them
  > They were ready,
  which isn't running.
### share
Which share? (a number)
- `0..40`
  > Too little.
- `40..100`

## Explain
### why
Why?
- `a` because
- `b` by chance
  > It isn't.

## Hints
1. Look.
2. Look
   again.
)";

std::string page_with(const std::string& what, const std::string& instead) {
  std::string page = kPage;
  return page.replace(page.find(what), what.size(), instead);
}

}  // namespace

TEST_CASE("a lab's page is taken apart into what is said, asked and hinted at") {
  const LabText lab = parse_lab(kPage);
  CHECK(lab.title == "Who runs?");
  CHECK(lab.teaches == "what a CPU does");
  CHECK(lab.minutes == 4);
  CHECK(lab.needs == std::vector<std::string>{"recording", "cpus 2"});
  CHECK(lab.section("the idea") == "One line,\nand another.\n\nA second paragraph with {ms}.");
  CHECK(lab.section("nothing of the kind").empty());
  REQUIRE(lab.questions.size() == 3);
  const Question& most = lab.questions[0];
  CHECK(most.key == "most");
  CHECK(most.stage == Stage::prediction);
  CHECK(most.text == "How many run\nat once?");
  CHECK_FALSE(most.is_number);
  REQUIRE(most.choices.size() == 2);
  CHECK(most.choices[0].misconception.empty());
  CHECK(most.choices[1].text == "more of them");
  CHECK(most.choices[1].misconception == "They were ready, which isn't running.");
  CHECK(lab.question("why")->stage == Stage::explanation);
  CHECK(lab.hints == std::vector<std::string>{"Look.", "Look again."});
}

TEST_CASE("a number is an answer to a question for one, by the range that it lies in") {
  const LabText lab = parse_lab(kPage);
  const Question& share = *lab.question("share");
  CHECK(share.is_number);
  CHECK(share.choice("12.5")->misconception == "Too little.");
  CHECK(share.choice("40")->misconception.empty());
  CHECK(share.choice(" 60 %")->misconception.empty());
  for (const char* other : {"101", "-1", "many", "", "nan", "5 6", "0..40"})
    CHECK_FALSE(share.choice(other));
  CHECK(lab.question("most")->choice("1"));
  CHECK_FALSE(lab.question("most")->choice("7"));
}

TEST_CASE("a variant's numbers stand wherever the page names them") {
  const LabText lab = filled_in(parse_lab(kPage), {{"ms", 250}, {"more", 3}});
  CHECK(lab.section("the idea").find("with 250.") != std::string::npos);
  CHECK(lab.question("most")->choice("3"));
  CHECK_THROWS_AS(filled_in(parse_lab(kPage), {{"ms", 1}}), Failure);
  CHECK_THROWS_AS(filled_in("{ms", {{"ms", 1}}), Failure);
}

TEST_CASE("where the right explanation stands is a matter of the seed, and nothing else moves") {
  const LabText lab = parse_lab(kPage);
  std::set<std::string> first;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    LabText shuffled = lab, again = lab;
    shuffle_explanations(shuffled, seed);
    shuffle_explanations(again, seed);
    const Question& why = *shuffled.question("why");
    first.insert(why.choices[0].id);
    CHECK(why.choices[0].id == again.question("why")->choices[0].id);
    CHECK(why.choice("b")->misconception == "It isn't.");
    CHECK(shuffled.question("most")->choices[0].id == "1");
  }
  CHECK(first == std::set<std::string>{"a", "b"});
}

TEST_CASE("a page that can't be meant is refused with its line") {
  for (const auto& [what, instead] :
       std::vector<std::pair<std::string, std::string>>{{"# Who runs?", "#"},
                                                        {"minutes: 4", "minutes: many"},
                                                        {"minutes: 4", "and so on"},
                                                        {"### share", "### most"},
                                                        {"- `1`\n", ""},
                                                        {"- `0..40`", "- `40..0`"},
                                                        {"- `a` because", "- `a because"},
                                                        {"1. Look.", "Look."},
                                                        {"## Predict", "## The idea"}}) {
    CAPTURE(what, instead);
    CHECK_THROWS_AS(parse_lab(page_with(what, instead)), Failure);
  }
  CHECK_THROWS_AS(parse_lab(""), Failure);
}

TEST_CASE("the index of the labs says what their pages say") {
  std::ifstream index("docs/labs/README.md");
  const std::string text(std::istreambuf_iterator<char>(index), {});
  for (const auto& entry : std::filesystem::directory_iterator("userland/labs")) {
    std::ifstream file(entry.path() / "lab.md");
    if (!file) continue;
    const LabText lab = parse_lab(std::string(std::istreambuf_iterator<char>(file), {}));
    const std::string slug = entry.path().filename();
    const size_t line = text.find("](../../userland/labs/" + slug + "/lab.md)");
    CAPTURE(slug);
    REQUIRE(line != std::string::npos);
    const size_t begin = text.rfind('\n', line) + 1;
    const std::string row = text.substr(begin, text.find('\n', line) - begin);
    CAPTURE(row);
    CHECK(row.find("[" + lab.title + "]") != std::string::npos);
    CHECK(row.find("| " + lab.teaches + " |") != std::string::npos);
    CHECK(row.ends_with("| " + std::to_string(lab.minutes) + " |"));
    const auto needs = [&](const char* need) {
      return std::find(lab.needs.begin(), lab.needs.end(), need) != lab.needs.end();
    };
    CHECK((row.find("| Node, ") != std::string::npos) == needs("node"));
    CHECK((row.find("2 CPUs") != std::string::npos) == needs("cpus 2"));
    CHECK((row.find(", root |") != std::string::npos) == needs("root"));
  }
}

TEST_CASE("every lab's page can be read, hints three times, and explains each wrong answer") {
  size_t pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator("userland/labs")) {
    std::ifstream file(entry.path() / "lab.md");
    if (!file) continue;
    ++pages;
    CAPTURE(entry.path().string());
    const LabText lab = parse_lab(std::string(std::istreambuf_iterator<char>(file), {}));
    for (const char* section : {"the idea", "the question", "look at", "why", "try next"})
      CHECK_FALSE(lab.section(section).empty());
    CHECK(lab.hints.size() == 3);
    CHECK(lab.minutes > 0);
    CHECK_FALSE(lab.needs.empty());
    size_t explanations = 0;
    for (const Question& question : lab.questions) {
      CAPTURE(question.key);
      explanations += question.stage == Stage::explanation;
      CHECK_FALSE(question.text.empty());
      // Which one is right is measured; but not all of them can be wrong.
      CHECK(std::any_of(question.choices.begin(), question.choices.end(),
                        [](const Choice& choice) { return choice.misconception.empty(); }));
    }
    CHECK(explanations == 1);
  }
  CHECK(pages == 13);
}

}  // namespace timeslice::labs
