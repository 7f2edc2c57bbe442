// SPDX-License-Identifier: MIT
#include "live/turn_watch.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "observe/turn_price.h"

namespace timeslice::live {

namespace {

constexpr uint64_t kCheckEvery = 1'000'000'000;  // ns

// Of those that have ended it is exact; one that goes on may be longer, and one that wasn't seen.
void note_longest(model::WatchedLoop& loop) {
  uint64_t& longest_ns = loop.figures.longest_turn_ns;
  if (loop.timed->missed == 0) longest_ns = 0;
  longest_ns = std::max(longest_ns, loop.timed->longest_ns);
  for (const model::LoopBlock& block : loop.figures.blocks)
    if (!block.ended) longest_ns = std::max(longest_ns, block.duration_ns);
}

}  // namespace

TurnWatch::TurnWatch(double budget_ratio, bool phases) {
  probing_.budget_ratio = budget_ratio;
  try {
    attach(phases);
  } catch (const Failure& failure) {
    probes_.reset();
    probing_.failure = std::string("turns aren't timed one by one: ") + failure.what();
  }
}

void TurnWatch::attach(bool phases) {
  probes_ = std::make_unique<observe::TurnProbes>(phases);
  const observe::TurnPrice price = observe::measure_turn_price(*probes_, phases);
  probing_.ns_per_wait = price.wait_ns;
  probing_.ns_per_other_call = price.other_call_ns;
  probing_.ns_per_phase = price.phase_ns;
  probes_->attach(observe::TurnProbes::To::all);
  checked_ns_ = monotonic_ns();
}

void TurnWatch::watch(const std::vector<observe::TurnLoop>& loops) {
  if (!probes_) return;
  std::erase_if(watched_, [&](const auto& known) {
    const bool stays = std::find(loops.begin(), loops.end(), known.second.loop) != loops.end();
    if (!stays) probes_->forget(known.first);
    return !stays;
  });
  for (const observe::TurnLoop& loop : loops) {
    if (watched_.contains(loop.tid) || !probes_->watch(loop)) continue;
    const Reading beginning{monotonic_ns(), {}};
    watched_[loop.tid] = {loop, beginning, beginning};
  }
}

model::TurnFigures TurnWatch::advance(uint32_t tid, Reading& last, uint64_t ended,
                                      uint64_t now_ns) const {
  const auto turns = probes_->read(tid);
  if (!turns) return {};
  const Reading before = std::exchange(last, {now_ns, *turns});
  return model::turns_between(before.turns, *turns, ended, now_ns - before.at_ns);
}

void TurnWatch::watch_phases(uint32_t tgid, std::shared_ptr<const PhasePlaces> places) {
  if (!probes_ || !probing_.ns_per_phase || probing_.phases_overspent) return;
  const auto known = phases_.find(tgid);
  if (known == phases_.end() ? !places : known->second.places == places) return;
  probes_->detach_phases(tgid);
  phases_.erase(tgid);
  if (!places) return;
  Phases& phases = phases_[tgid];
  phases.places = std::move(places);
  phases.why = phases.places->why;
  if (phases.places->places.empty()) return;
  try {
    const int file = phases.places->file.handle.get();
    probes_->attach_phases(tgid, "/proc/self/fd/" + std::to_string(file), phases.places->places);
    phases.since_ns = monotonic_ns();
  } catch (const Failure& failure) {
    phases.why = failure.what();
  }
}

void TurnWatch::end_phases() {
  for (const auto& [tgid, phases] : phases_) probes_->detach_phases(tgid);
  phases_.clear();
}

bool TurnWatch::told_apart_since(uint32_t tgid, uint64_t moment_ns) const {
  const auto phases = phases_.find(tgid);
  return phases != phases_.end() && phases->second.since_ns != 0 &&
         phases->second.since_ns <= moment_ns;
}

model::TurnCostSum TurnWatch::cost_sum() const {
  return {*probing_.ns_per_wait, probing_.ns_per_phase.value_or(0)};
}

// Phases cost most, so they go first.
void TurnWatch::check(uint64_t now_ns) {
  if (!probes_ || now_ns - checked_ns_ < kCheckEvery) return;
  checked_ns_ = now_ns;
  model::TurnCostSum sum = cost_sum();
  for (auto& [tid, watched] : watched_) sum.add(advance(tid, watched.checked, 0, now_ns));
  const auto costs = sum.costs();
  if (!costs || costs->cpu_ratio <= probing_.budget_ratio) return;
  if (!phases_.empty()) {
    probing_.phases_overspent = costs;
    return end_phases();
  }
  probing_.overspent = costs;
  probes_.reset();
  watched_.clear();
}

void TurnWatch::take(model::LoopFrame& frame) {
  probing_.attached = probes_ ? static_cast<uint32_t>(probes_->attached()) : 0;
  frame.turn_probes = probing_;
  for (const auto& [tgid, phases] : phases_)
    if (!phases.why.empty()) frame.unphased.push_back({tgid, phases.why});
  if (!probes_) return;
  const uint64_t ended = probes_->end_interval();
  const uint64_t now = monotonic_ns();
  model::TurnCostSum sum = cost_sum();
  for (model::WatchedLoop& loop : frame.loops) {
    const auto watched = watched_.find(loop.tid);
    if (watched == watched_.end()) continue;
    const bool phases = told_apart_since(loop.tgid, watched->second.taken.at_ns);
    loop.timed = advance(loop.tid, watched->second.taken, ended, now);
    if (!phases) loop.timed->phases_ns.reset();
    sum.add(*loop.timed);
    note_longest(loop);
  }
  frame.turn_probes->costs = sum.costs();
}

}  // namespace timeslice::live
