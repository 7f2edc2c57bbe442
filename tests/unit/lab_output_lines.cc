// SPDX-License-Identifier: MIT
// Is what a workload has said found, and nothing that only looks like it?
#include "labs/parts/output_lines.h"

#include "labs/parts/quantile.h"
#include "labs/parts/rounds.h"
#include "tests/catch.h"

namespace timeslice::labs {

TEST_CASE("a line is found by the words that it begins with") {
  const std::string output =
      "load one 1 2\nloads one 3\nthe load one 4\nload onewards 5\nload one 6";
  std::vector<int> first;
  for (auto& words : lines_after(output, "load one")) words >> first.emplace_back();
  CHECK(first == std::vector<int>{1, 6});
  CHECK(lines_after(output, "lo").empty());
  CHECK(lines_after("", "load").empty());
}

TEST_CASE("a span has a beginning before its end") {
  CHECK_FALSE(round_in("round one 5 5\n", "one"));
  CHECK_FALSE(round_in("round one 5\n", "one"));
  CHECK_FALSE(round_in("round two 5 6\n", "one"));
  const auto round = round_in("round one x y\nround one 5 6\n", "one");
  REQUIRE(round);
  CHECK(round->end_ns == 6);
}

TEST_CASE("a quantile is one of the values") {
  CHECK(quantile({}, 0.5) == 0);
  CHECK(quantile({7}, 0.99) == 7);
  CHECK(quantile({4, 1, 3, 2}, 0.5) == 2);
  std::vector<double> hundred;
  for (int i = 100; i > 0; --i) hundred.push_back(i);
  CHECK(quantile(hundred, 0.99) == 99);
  CHECK(quantile(hundred, 0) == 1);
}

}  // namespace timeslice::labs
