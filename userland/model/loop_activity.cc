// SPDX-License-Identifier: MIT
#include "model/loop_activity.h"

#include <utility>

namespace timeslice::model {

namespace {

// Whoever starts programs all the time doesn't take our memory.
constexpr size_t kMostRivals = 1024;

}  // namespace

void ActivityLooks::add(const ActivityLook& look) {
  ++now_.looks;
  now_.vm_looks += look.asks_vm && (!look.in_turn || look.vm != VmState::unknown);
  if (look.in_turn) {
    const bool collects = look.vm == VmState::garbage_collector;
    if (look.asks_vm) now_.vm.add(look.vm);
    now_.collector_waits += collects && look.waits;
    if (!look.call.empty()) ++(collects ? now_.collector_sleeps : calls_[look.call]);
  }
  if (!look.rival) return;
  ++now_.rival_looks;
  const std::pair process{look.rival->tgid, look.rival->tgid ? "" : look.rival->comm};
  if (rivals_.size() >= kMostRivals && !rivals_.contains(process)) return;
  CountedRival& counted = rivals_[process];
  counted.rival = *look.rival;
  ++counted.looks;
}

void ActivityLooks::add_sample(const StackSample& sample, bool sleeps) {
  now_.profile.add(sample);
  if (sample.vm == VmState::garbage_collector)
    now_.collecting.add(sample);
  else if (sleeps)
    now_.sleeping.add(sample);
}

LoopActivity ActivityLooks::take() {
  LoopActivity taken = std::exchange(now_, {});
  taken.calls = sorted_calls(std::exchange(calls_, {}));
  for (auto& [process, counted] : std::exchange(rivals_, {})) taken.rivals.push_back(counted);
  sort_by_looks(taken.rivals);
  return taken;
}

}  // namespace timeslice::model
