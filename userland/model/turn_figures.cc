// SPDX-License-Identifier: MIT
#include "model/turn_figures.h"

#include <algorithm>
#include <numeric>

namespace timeslice::model {

std::optional<uint64_t> TurnFigures::quantile_ns(double q) const {
  const auto bound = wait_quantile_ns(turns, q);
  return bound && longest_ns ? std::min(*bound, longest_ns) : bound;
}

// A turn may end between two of the words that were read, so the count is the histogram's.
TurnFigures turns_between(const ts_loop_turns& earlier, const ts_loop_turns& later, uint64_t ended,
                          uint64_t interval_ns) {
  TurnFigures figures;
  figures.interval_ns = interval_ns;
  for (size_t i = 0; i < figures.turns.size(); ++i)
    figures.turns[i] = later.hist[i] - earlier.hist[i];
  figures.count = std::accumulate(figures.turns.begin(), figures.turns.end(), uint64_t{0});
  figures.sum_ns = later.turn_ns - earlier.turn_ns;
  figures.waits = later.waits - earlier.waits;
  figures.phases_ns.emplace();
  for (size_t i = 0; i < figures.phases_ns->size(); ++i)
    (*figures.phases_ns)[i] = later.phase_ns[i] - earlier.phase_ns[i];
  figures.phase_hits = later.phase_hits - earlier.phase_hits;
  figures.missed = later.missed - earlier.missed;
  const ts_longest_turn& longest = later.longest[ended & 1];
  if (longest.interval == ended && figures.count > 0) {
    figures.longest_ns = longest.ns;
    figures.longest_start_ns = longest.start_ns;
  }
  return figures;
}

void TurnCostSum::add(const TurnFigures& figures) {
  if (figures.interval_ns == 0) return;
  const double seconds = static_cast<double>(figures.interval_ns) / 1e9;
  turns_per_s_ += static_cast<double>(figures.count) / seconds;
  ns_per_s_ += (static_cast<double>(figures.waits) * ns_per_wait_ +
                static_cast<double>(figures.phase_hits) * ns_per_phase_) /
               seconds;
}

std::optional<TurnCosts> TurnCostSum::costs() const {
  if (turns_per_s_ == 0) return std::nullopt;
  return TurnCosts{turns_per_s_, ns_per_s_ / turns_per_s_, ns_per_s_ / 1e9};
}

}  // namespace timeslice::model
