// SPDX-License-Identifier: MIT
// How long is each turn of the watched loops, and may it cost what it costs? Where the probes take
// more of a CPU than they are allowed to, they are detached, and stay so.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "live/phase_places.h"
#include "model/loop_frame.h"
#include "observe/turn_probes.h"

namespace timeslice::live {

class TurnWatch {
 public:
  // Measures what the probes cost, then attaches them; where that fails, the frames say why.
  // `budget_ratio`: of a CPU; `phases`: are told apart as well.
  TurnWatch(double budget_ratio, bool phases);

  // These from now on. Those that were watched before go on.
  void watch(const std::vector<observe::TurnLoop>& loops);
  // A process's phases from now on, or no longer. The same again changes nothing.
  void watch_phases(uint32_t tgid, std::shared_ptr<const PhasePlaces> places);
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

  struct Phases {
    std::shared_ptr<const PhasePlaces> places;
    uint64_t since_ns = 0;  // 0: they couldn't be attached
    std::string why;        // then
  };

  void attach(bool phases);
  [[nodiscard]] model::TurnCostSum cost_sum() const;
  void end_phases();
  [[nodiscard]] bool told_apart_since(uint32_t tgid, uint64_t moment_ns) const;
  [[nodiscard]] model::TurnFigures advance(uint32_t tid, Reading& last, uint64_t ended,
                                           uint64_t now_ns) const;

  std::unique_ptr<observe::TurnProbes> probes_;  // null: none are attached
  model::TurnProbing probing_;
  std::map<uint32_t, Watched> watched_;  // by tid
  std::map<uint32_t, Phases> phases_;    // by tgid
  uint64_t checked_ns_ = 0;
};

}  // namespace timeslice::live
