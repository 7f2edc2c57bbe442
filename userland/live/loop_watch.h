// SPDX-License-Identifier: MIT
// What do the event loops of some processes do? A thread of ours looks at them a hundred times a
// second, from outside: nothing is attached, and nothing in them stops. Whoever asks gets the
// figures since the last time.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "live/loop_watch_options.h"
#include "model/loop_frame.h"

namespace timeslice::live {

class LoopWatch {
 public:
  LoopWatch(std::vector<uint32_t> tgids, const LoopWatchOptions& options);  // throws Failure
  ~LoopWatch();
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  // From now on these, and the workers of their clusters.
  void watch(std::vector<uint32_t> tgids);
  // Throws what the looking thread has failed with. Where a process's memory doesn't answer for so
  // long, the frame's note says so.
  model::LoopFrame take(std::chrono::milliseconds patience = std::chrono::seconds(2));

 private:
  class Watcher;
  std::shared_ptr<Watcher> watcher_;  // shared with its thread
};

}  // namespace timeslice::live
