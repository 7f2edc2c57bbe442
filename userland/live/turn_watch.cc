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

}  // namespace

TurnWatch::TurnWatch(double budget_ratio) {
  probing_.budget_ratio = budget_ratio;
  try {
    attach();
  } catch (const Failure& failure) {
    probes_.reset();
    probing_.failure = std::string("turns aren't timed one by one: ") + failure.what();
  }
}

void TurnWatch::attach() {
  probes_ = std::make_unique<observe::TurnProbes>();
  const observe::TurnPrice price = observe::measure_turn_price(*probes_);
  probing_.ns_per_wait = price.wait_ns;
  probing_.ns_per_other_call = price.other_call_ns;
  probes_->attach(observe::TurnProbes::To::all);
  probing_.attached = static_cast<uint32_t>(probes_->attached());
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

void TurnWatch::check(uint64_t now_ns) {
  if (!probes_ || now_ns - checked_ns_ < kCheckEvery) return;
  checked_ns_ = now_ns;
  model::TurnCostSum sum(*probing_.ns_per_wait);
  for (auto& [tid, watched] : watched_) sum.add(advance(tid, watched.checked, 0, now_ns));
  const auto costs = sum.costs();
  if (!costs || costs->cpu_ratio <= probing_.budget_ratio) return;
  probing_.overspent = costs;
  probing_.attached = 0;
  probes_.reset();
  watched_.clear();
}

void TurnWatch::take(model::LoopFrame& frame) {
  frame.turn_probes = probing_;
  if (!probes_) return;
  const uint64_t ended = probes_->end_interval();
  const uint64_t now = monotonic_ns();
  model::TurnCostSum sum(*probing_.ns_per_wait);
  for (model::WatchedLoop& loop : frame.loops) {
    const auto watched = watched_.find(loop.tid);
    if (watched == watched_.end()) continue;
    loop.timed = advance(loop.tid, watched->second.taken, ended, now);
    sum.add(*loop.timed);
  }
  frame.turn_probes->costs = sum.costs();
}

}  // namespace timeslice::live
