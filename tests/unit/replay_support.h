// SPDX-License-Identifier: MIT
// A replay of made-up events, whose moments are told since the recording's beginning.
#pragma once
#include "model/replay.h"

namespace made_up {

constexpr uint64_t begin_ns = 1'000'000;

inline timeslice::model::HistoryInfo whole_machine() {
  timeslice::model::HistoryInfo info;
  info.begin_ns = begin_ns;
  return info;
}

struct Replayed {
  explicit Replayed(const timeslice::model::HistoryInfo& info = whole_machine()) : replay(info) {}

  template <typename Event>
  void add(Event event) {
    auto& head = reinterpret_cast<ts_event&>(event);
    head.time_ns += begin_ns;
    replay.event(head);
  }
  const timeslice::Snapshot& at(uint64_t moment_ns) { return replay.pass(begin_ns + moment_ns); }

  timeslice::model::Replay replay;
};

}  // namespace made_up
