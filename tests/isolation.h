// SPDX-License-Identifier: MIT
// Does one test's crash, hang or litter spoil the others? Not if each runs in a process of its own.
// A child is forked for each case, as many at once as there are cores; it has a time limit, no
// terminal input, every signal at its default and none blocked; and its whole process group goes
// when it ends. Only what failed shows its output.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace timeslice::test {

// How a case ended, as its process's exit status: none that a stray exit() would give.
enum class Verdict { passed = 80, failed = 81, skipped = 82 };

struct Counts {
  int passed = 0;
  int failed = 0;
  int skipped = 0;
};

// Calls `run_one` with each name, in a child of its own; the child's end is its verdict.
// `most_failures`: none is begun any more after so many, and who still runs is killed uncounted.
Counts run_isolated(const std::vector<std::string>& names,
                    const std::function<Verdict(const std::string&)>& run_one, int most_failures);

}  // namespace timeslice::test
