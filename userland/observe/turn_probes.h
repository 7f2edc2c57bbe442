// SPDX-License-Identifier: MIT
// How long was each turn of some event loops? Probes on the calls that wait for events see where a
// turn begins and where it ends; the kernel sums up, loop by loop.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "bpf/turns.h"

namespace timeslice::observe {

// A loop to be watched: its thread waits for events at this descriptor.
struct TurnLoop {
  uint32_t tid = 0;
  int32_t epoll_fd = -1;
  uint64_t count_at = 0;  // where it counts its turns, in its process; 0: it doesn't
  bool operator==(const TurnLoop&) const = default;
};

class TurnProbes {
 public:
  TurnProbes();  // attaches nothing yet; throws Failure
  ~TurnProbes();
  TurnProbes(const TurnProbes&) = delete;
  TurnProbes& operator=(const TurnProbes&) = delete;

  // To epoll_pwait only, or to each call that waits for events. Throws Failure.
  enum class To { epoll_pwait, all };
  void attach(To calls);
  void detach();  // the kernel takes some 50 ms a probe
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
