// SPDX-License-Identifier: MIT
#include "loop/cluster/cluster_words.h"

#include <array>
#include <cstdio>

#include "loop/cluster/cluster.h"

namespace timeslice::loop {

std::string in_words(Nanoseconds time) {
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), ms < 1000 ? "%.3g ms" : "%.3g s",
                ms < 1000 ? ms : ms / 1000);
  return text.data();
}

std::string in_words(const ExitStatus& end) {
  if (end.error != 0) return "ended, and somebody else took its exit status";
  if (end.signal == 0) return "ended with code " + std::to_string(end.code);
  return "was killed by signal " + std::to_string(end.signal) + " (" + ::strsignal(end.signal) +
         ")";
}

const char* name_of(ClusterEvent::Kind kind) {
  constexpr const char* kNames[] = {"started",  "ready",        "ended",   "died",
                                    "hung",     "start failed", "waiting", "gave up",
                                    "reloaded", "reload failed"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* name_of(SlotStats::State state) {
  constexpr const char* kNames[] = {"starting", "ready",    "draining",
                                    "waiting",  "given up", "stopped"};
  return kNames[static_cast<std::size_t>(state)];
}

}  // namespace timeslice::loop
