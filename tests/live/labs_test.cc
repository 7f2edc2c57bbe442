// SPDX-License-Identifier: MIT
// Does each lab do what it is for? With two seeds, what was measured passes, and is what is known
// to be so; each wrong answer fails for a reason of its own, and so does none at all.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "labs/live_threads.h"
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

// Of a question that isn't in `reference`, the answer depends on the machine or the variant.
void check_reference(const Answers& measured, const Answers& reference) {
  for (const auto& [key, answer] : reference) {
    CAPTURE(key);
    REQUIRE(measured.contains(key));
    CHECK(measured.at(key) == answer);
  }
}

void check_lab(int number, const Answers& reference) {
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
    check_reference(solution(text, measured), reference);
    check_wrong_answers(text, measured);
  }
}

}  // namespace

TEST_CASE("lab 1: process or thread") {
  check_lab(
      1,
      {{"pids", "3"}, {"tids", "5"}, {"total", "threads"}, {"memory", "process"}, {"why", "copy"}});
}
TEST_CASE("lab 2: concurrent or parallel") {
  check_lab(2, {{"one", "1"}, {"two", "2"}, {"time", "less"}, {"why", "preempted"}});
}
TEST_CASE("lab 3: who gives up the CPU") {
  check_lab(3, {{"spin", "involuntary"},
                {"sleep", "voluntary"},
                {"yield", "involuntary"},
                {"pipe", "voluntary"},
                {"why", "runnable"}});
}
TEST_CASE("lab 4: what nice does") { check_lab(4, {{"starve", "yes"}, {"why", "weight"}}); }
TEST_CASE("lab 5: policy, affinity, migration") {
  check_lab(5, {{"pinned", "none"}, {"fifo", "less"}, {"why", "own"}});
}
TEST_CASE("lab 6: Node's hidden threads") {
  check_lab(6, {{"idle", "v8"}, {"listen", "0"}, {"why", "main"}});
}
TEST_CASE("lab 7: which callback comes first") {
  check_lab(7, {{"inside", "loop"}, {"main", "either"}, {"why", "ms"}});
}
TEST_CASE("lab 8: the blocked loop") {
  check_lab(
      8,
      {{"during", "0"}, {"after", "none"}, {"await", "runs"}, {"where", "oncpu"}, {"why", "one"}});
}
TEST_CASE("lab 9: the worker pool") { check_lab(9, {{"next", "end"}, {"why", "cpus"}}); }
TEST_CASE("lab 10: what the kernel takes over") {
  check_lab(10, {{"socket", "loop"},
                 {"file", "pool"},
                 {"uring", "loop"},
                 {"switches", "uring"},
                 {"why", "some"}});
}
TEST_CASE("lab 11: how many workers") {
  check_lab(11, {{"second", "less"},
                 {"many", "equal"},
                 {"switches", "more"},
                 {"killed", "some"},
                 {"why", "cpus"}});
}
TEST_CASE("lab 12: messages, shared memory, shared state") {
  check_lab(12, {{"messages", "wake"},
                 {"memory", "less"},
                 {"lost", "less"},
                 {"leak", "leak"},
                 {"why", "local"}});
}
TEST_CASE("lab 13: make it faster") {
  check_lab(13, {{"report", "cluster"},
                 {"p99", "less"},
                 {"switches", "more"},
                 {"login", "cpus"},
                 {"feed", "nothing"},
                 {"why", "ask"}});
}

TEST_CASE("an interrupted lab says so, and leaves nobody behind") {
  const ScratchDirectory state;
  live::Child lab([&] {
    setenv("XDG_STATE_HOME", state.path().c_str(), 1);
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    const std::string program = live::timeslice();
    execl(program.c_str(), "timeslice", "lab", "2", "--solve", nullptr);
  });
  pid_t computing = 0;
  REQUIRE(live::until([&] {
    for (const LiveThread& thread : live_threads(lab.pid(), 0))
      if (thread.name == "lab-A") computing = static_cast<pid_t>(thread.tid);
    return computing != 0;
  }));
  lab.signal(SIGINT);
  CHECK(lab.wait() == 1);
  CHECK(live::until([&] { return kill(computing, 0) != 0; }));
}

}  // namespace timeslice::labs
