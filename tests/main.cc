// SPDX-License-Identifier: MIT
// How does a test program report? Catch2 runs the cases; the last line counts them as
// "N passed, N failed, N skipped", which tests/run.sh adds up over the programs. The loop's program
// runs each case in a process of its own (not with TEST_IN_ONE_PROCESS=1, which a debugger likes).
#define CATCH_CONFIG_RUNNER
#include "tests/catch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "tests/isolation.h"

namespace {

using timeslice::test::Counts;
using timeslice::test::Verdict;

#if CATCH_VERSION_MAJOR >= 3
using ListenerBase = Catch::EventListenerBase;
std::string name_of(const Catch::TestCaseHandle& test) { return test.getTestCaseInfo().name; }
#else
using ListenerBase = Catch::TestEventListenerBase;
std::string name_of(const Catch::TestCase& test) { return test.name; }
#endif

Counts counts;
bool case_skipped = false;

struct CaseCounter : ListenerBase {
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo&) override { case_skipped = false; }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    if (!stats.totals.assertions.allOk())
      ++counts.failed;
    else if (case_skipped)
      ++counts.skipped;
    else
      ++counts.passed;
  }
};

CATCH_REGISTER_LISTENER(CaseCounter)

std::vector<std::string> chosen_cases(Catch::Session& session) {
  const Catch::IConfig& config = session.config();
  std::vector<std::string> names;
  for (const auto& test :
       Catch::filterTests(Catch::getAllTestCasesSorted(config), config.testSpec(), config))
    names.push_back(name_of(test));
  return names;
}

// A name as a filter that only it fits.
std::string exactly(const std::string& name) {
  std::string filter;
  for (const char letter : name) {
    if (std::string_view("\\,[]\"*~").find(letter) != std::string_view::npos) filter += '\\';
    filter += letter;
  }
  return filter;
}

Verdict run_one(Catch::Session& session, const std::string& name) {
  auto config = session.configData();
  config.testsOrTags = {exactly(name)};
  session.useConfigData(config);
  counts = {};
  const int rc = session.run();
  if (rc != 0 || counts.failed > 0 || counts.passed + counts.skipped != 1) return Verdict::failed;
  return counts.skipped > 0 ? Verdict::skipped : Verdict::passed;
}

// Each case in its own process, unless it's for a list of them, or for help.
bool isolates(int argc, char** argv) {
  const auto asks = [](std::string_view argument) {
    return argument.starts_with("--l") || argument.starts_with("-l") || argument == "-t" ||
           argument == "-h" || argument == "-?" || argument == "--help";
  };
  const std::string_view program(argv[0]);
  return program.ends_with("test-loop") && !std::getenv("TEST_IN_ONE_PROCESS") &&
         std::none_of(argv + 1, argv + argc, asks);
}

int run_all(Catch::Session& session, bool isolated) {
  if (!isolated) return session.run();
  const std::vector<std::string> names = chosen_cases(session);
  if (names.empty()) std::printf("No test fits.\n");
  const int asked = session.configData().abortAfter;
  const int most_failures = asked > 0 ? asked : std::numeric_limits<int>::max();
  counts = timeslice::test::run_isolated(
      names, [&](const std::string& name) { return run_one(session, name); }, most_failures);
  return names.empty();
}

}  // namespace

void note_skip(const std::string& reason) {
  std::printf("SKIP: %s\n", reason.c_str());
  std::fflush(stdout);
  case_skipped = true;
}

int main(int argc, char** argv) {
  Catch::Session session;
  if (const int wrong = session.applyCommandLine(argc, argv); wrong != 0) return wrong;
  const int rc = run_all(session, isolates(argc, argv));
  std::printf("%d passed, %d failed, %d skipped\n", counts.passed, counts.failed, counts.skipped);
  return rc != 0 && counts.failed == 0 ? rc : (counts.failed != 0);
}
