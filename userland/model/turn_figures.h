// SPDX-License-Identifier: MIT
// How long were an event loop's turns, each of them, and what did it cost to time them? Out of the
// totals that probes keep, as they were at two moments.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "bpf/turns.h"
#include "model/waits.h"

namespace timeslice::model {

struct TurnFigures {
  uint64_t interval_ns = 0;
  WaitHistogram turns{};  // that ended in the interval, by how long they were
  uint64_t count = 0;
  uint64_t sum_ns = 0;
  uint64_t longest_ns = 0, longest_start_ns = 0;  // CLOCK_MONOTONIC; 0: there was no turn
  uint64_t waits = 0;                             // calls that wait for events
  // By enum ts_turn_phase, of sum_ns; absent where they aren't told apart.
  std::optional<std::array<uint64_t, TS_TURN_PHASES>> phases_ns;
  uint64_t phase_hits = 0;  // of the probes for that
  uint64_t missed = 0;      // turns that the loop counted and we didn't see

  // The end of the bucket that the q-th part of the turns lies in, at most 25 % above it, and no
  // more than the longest; absent without turns.
  [[nodiscard]] std::optional<uint64_t> quantile_ns(double q) const;
};

// `ended`: the number of the interval that ends with `later`.
TurnFigures turns_between(const ts_loop_turns& earlier, const ts_loop_turns& later, uint64_t ended,
                          uint64_t interval_ns);

// What turns cost to be timed, in an interval. CPU time.
struct TurnCosts {
  double turns_per_s = 0;
  double ns_per_turn = 0;
  double cpu_ratio = 0;  // 1: a whole CPU
};

// Of several loops. Absent without turns.
class TurnCostSum {
 public:
  TurnCostSum(double ns_per_wait, double ns_per_phase)
      : ns_per_wait_(ns_per_wait), ns_per_phase_(ns_per_phase) {}
  void add(const TurnFigures& figures);
  [[nodiscard]] std::optional<TurnCosts> costs() const;

 private:
  double ns_per_wait_, ns_per_phase_;
  double turns_per_s_ = 0, ns_per_s_ = 0;
};

// The probes that time turns.
struct TurnProbing {
  uint32_t attached = 0;
  // Measured when they were attached. For each wait for events of a watched loop, and for each
  // other system call of any process.
  std::optional<double> ns_per_wait, ns_per_other_call;
  double budget_ratio = 0;                    // of a CPU
  std::optional<TurnCosts> costs;             // of the loops together, at present
  std::optional<double> ns_per_phase;         // for each phase that begins, where they are wanted
  std::optional<TurnCosts> phases_overspent;  // so much was too much for phases
  std::optional<TurnCosts> overspent;         // so much was too much: they have been detached
  std::string failure;  // why there are none, though they were wanted: a sentence
};

}  // namespace timeslice::model
