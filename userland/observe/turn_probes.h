// SPDX-License-Identifier: MIT
// How long was each turn of some event loops? Probes on the calls that wait for events see where a
// turn begins and where it ends; the kernel sums up, loop by loop.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bpf/turns.h"

namespace timeslice::observe {

// A loop to be watched: its thread waits for events at this descriptor.
struct TurnLoop {
  uint32_t tgid = 0, tid = 0;
  uint64_t address = 0;  // in its process
  int32_t epoll_fd = -1;
  uint64_t count_at = 0;  // where it counts its turns, in its process; 0: it doesn't
  bool operator==(const TurnLoop&) const = default;
};

// Where the functions are that begin the phases of a turn.
struct PhasePlace {
  uint64_t offset = 0;  // in the file
  ts_turn_phase phase = TS_PHASE_POLL;
};

class TurnProbes {
 public:
  // `phases`: may be told apart as well. Attaches nothing yet; throws Failure.
  explicit TurnProbes(bool phases = false);
  ~TurnProbes();
  TurnProbes(const TurnProbes&) = delete;
  TurnProbes& operator=(const TurnProbes&) = delete;

  // To epoll_pwait only, or to each call that waits for events. Throws Failure.
  enum class To { epoll_pwait, all };
  void attach(To calls);
  void detach();  // the kernel takes some 50 ms a probe
  // To functions in a file that the process has mapped; `path` leads to it here. Throws Failure.
  void attach_phases(uint32_t tgid, const std::string& path, std::span<const PhasePlace> places);
  void detach_phases(uint32_t tgid);
  [[nodiscard]] size_t attached() const;

  // From its next wait on. False: there are too many.
  bool watch(const TurnLoop& loop);
  void forget(uint32_t tid);

  // Begins an interval, and returns the number of the one that ends with that.
  uint64_t end_interval();
  // Since it is watched; absent of one that isn't.
  [[nodiscard]] std::optional<ts_loop_turns> read(uint32_t tid) const;

 private:
  class Programs;
  std::unique_ptr<Programs> programs_;
};

}  // namespace timeslice::observe
