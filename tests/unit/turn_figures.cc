// SPDX-License-Identifier: MIT
// What do two readings of a loop's turns say, and how does it read?
#include "model/turn_figures.h"

#include "tests/catch.h"
#include "view/format/turns_text.h"

namespace timeslice {

namespace {

constexpr uint64_t kMs = 1'000'000;

void end_turn(ts_loop_turns& turns, uint64_t ns, uint64_t interval, uint64_t start_ns) {
  ++turns.hist[ts_wait_bucket(ns)];
  turns.turn_ns += ns;
  turns.waits += 2;
  ts_longest_turn& longest = turns.longest[interval & 1];
  if (longest.interval != interval || longest.ns < ns) longest = {interval, ns, start_ns};
}

}  // namespace

TEST_CASE("of timed turns, count, sum, quantiles and the longest are the interval's") {
  ts_loop_turns earlier{};
  end_turn(earlier, 900 * kMs, 6, 1);
  ts_loop_turns later = earlier;
  for (int i = 0; i < 90; ++i) end_turn(later, 1 * kMs, 7, 2);
  for (int i = 0; i < 9; ++i) end_turn(later, 5 * kMs, 7, 3);
  end_turn(later, 60 * kMs, 7, 4);
  earlier.phase_ns[TS_PHASE_TIMERS] = 5;
  later.phase_ns[TS_PHASE_TIMERS] = 12;
  later.phase_hits = 3;
  const auto figures = model::turns_between(earlier, later, 7, 1'000 * kMs);
  CHECK(figures.count == 100);
  CHECK(figures.sum_ns == 195 * kMs);
  CHECK(figures.waits == 200);
  CHECK(figures.longest_ns == 60 * kMs);
  CHECK(figures.longest_start_ns == 4);
  const auto is_just_above = [](std::optional<uint64_t> ns, uint64_t exact) {
    return ns && *ns >= exact && *ns <= exact + exact / 4;
  };
  CHECK(is_just_above(figures.quantile_ns(0.5), 1 * kMs));
  CHECK(is_just_above(figures.quantile_ns(0.9), 1 * kMs));
  CHECK(is_just_above(figures.quantile_ns(0.99), 5 * kMs));
  CHECK(figures.quantile_ns(1) == 60 * kMs);  // the longest is known exactly

  REQUIRE(figures.phases_ns);
  CHECK((*figures.phases_ns)[TS_PHASE_TIMERS] == 7);
  CHECK(figures.phase_hits == 3);

  const auto none = model::turns_between(later, later, 8, 1'000 * kMs);
  CHECK(none.count == 0);
  CHECK(none.longest_ns == 0);
  CHECK_FALSE(none.quantile_ns(0.5));
}

TEST_CASE("turns cost as much as their waits do, of all loops together") {
  model::TurnFigures one, other;
  one.interval_ns = 1'000 * kMs;
  one.count = 10'000;
  one.waits = 20'000;
  other.interval_ns = 500 * kMs;
  other.count = 5'000;
  other.waits = 5'000;
  other.phase_hits = 100;
  model::TurnCostSum sum(400, 20'000);
  CHECK_FALSE(sum.costs());
  sum.add(one);
  sum.add(other);
  const auto costs = sum.costs();
  REQUIRE(costs);
  CHECK(costs->turns_per_s == Approx(20'000));
  CHECK(costs->ns_per_turn == Approx(800));
  CHECK(costs->cpu_ratio == Approx(0.016));
}

TEST_CASE("timed turns read as a line and an octave each, without a gap") {
  ts_loop_turns turns{};
  for (int i = 0; i < 40; ++i) end_turn(turns, 300'000, 0, 1'000 * kMs);
  for (int i = 0; i < 10; ++i) end_turn(turns, 400'000, 0, 1'000 * kMs);
  end_turn(turns, 1'200'000, 0, 2'000 * kMs);
  auto figures = model::turns_between({}, turns, 0, 1'000 * kMs);
  std::string text;
  figures.phases_ns.reset();
  view::append_turns(text, figures, 2'501 * kMs + 200'000);
  CHECK(text ==
        "    51 turns: p50 328 us, p90 459 us, p99 1.2 ms, longest 1.2 ms (500 ms ago)\n"
        "       262 us to  524 us         50 ########################################\n"
        "       524 us to  1.0 ms          0\n"
        "       1.0 ms to  2.1 ms          1 #\n");
  figures.phases_ns = {2 * kMs, 1 * kMs, 300'000, 40'000};
  text.clear();
  view::append_turns(text, figures, 0);
  CHECK(text.find("\n      poll 2.0 ms, check and closing 1.0 ms, timers 300 us, idle and prepare "
                  "40 us\n") != std::string::npos);
  figures = {};
  figures.missed = 3;
  text.clear();
  view::append_turns(text, figures, 0);
  CHECK(text == "    0 turns; 3 more weren't seen\n");
}

TEST_CASE("what turns cost to be timed is said, and why they aren't") {
  model::TurnProbing probing;
  probing.attached = 6;
  probing.ns_per_wait = 225;
  probing.ns_per_other_call = 18.4;
  probing.budget_ratio = 0.01;
  probing.costs = model::TurnCosts{12'345, 450, 0.00555};
  std::string text;
  view::append_probing(text, probing);
  CHECK(text ==
        "6 probes: +450 ns a turn, 0.555 % of a CPU at 12,345 turns/s; 1 % of a CPU allowed. Each "
        "other system call, of any process: +18 ns\n");
  CHECK(view::why_not_timed(probing).empty());

  probing.overspent = model::TurnCosts{30'000, 450, 0.0135};
  CHECK(view::why_not_timed(probing) ==
        "turns aren't timed one by one any more: 450 ns for each of 30,000 turns/s are 1.35 % of a "
        "CPU, and --budget allows 1 % of a CPU");
  CHECK(view::why_no_phases(probing).empty());
  probing.phases_overspent = model::TurnCosts{500, 60'000, 0.03};
  CHECK(view::why_no_phases(probing) ==
        "phases aren't told apart any more: 60000 ns for each of 500 turns/s are 3 % of a CPU, and "
        "--budget allows 1 % of a CPU");
  probing.failure = "turns aren't timed one by one: no permission";
  CHECK(view::why_not_timed(probing) == probing.failure);
  text.clear();
  view::append_probing(text, {});
  CHECK(text.empty());
}

}  // namespace timeslice
