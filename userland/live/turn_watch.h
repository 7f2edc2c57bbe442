// SPDX-License-Identifier: MIT
// How long is each turn of the watched loops, and may it cost what it costs? Where the probes take
// more of a CPU than they are allowed to, they are detached, and stay so.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "model/loop_frame.h"
#include "observe/turn_probes.h"

namespace timeslice::live {

class TurnWatch {
 public:
  // Measures what the probes cost, then attaches them; where that fails, the frames say why.
  // `budget_ratio`: of a CPU.
  explicit TurnWatch(double budget_ratio);

  // These from now on. Those that were watched before go on.
  void watch(const std::vector<observe::TurnLoop>& loops);
  // From time to time: is it within the budget?
  void check(uint64_t now_ns);
  // Adds the figures since the last call to the loops in `frame`.
  void take(model::LoopFrame& frame);

 private:
  struct Reading {
    uint64_t at_ns = 0;
    ts_loop_turns turns{};
  };
  struct Watched {
    observe::TurnLoop loop;
    Reading taken, checked;
  };

  void attach();
  [[nodiscard]] model::TurnFigures advance(uint32_t tid, Reading& last, uint64_t ended,
                                           uint64_t now_ns) const;

  std::unique_ptr<observe::TurnProbes> probes_;  // null: none are attached
  model::TurnProbing probing_;
  std::map<uint32_t, Watched> watched_;  // by tid
  uint64_t checked_ns_ = 0;
};

}  // namespace timeslice::live
