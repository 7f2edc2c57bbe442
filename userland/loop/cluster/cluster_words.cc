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

std::string in_words(const ProcessEnd& end) {
  const std::string number = std::to_string(end.number);
  switch (end.kind) {
    case ProcessEnd::Kind::code:
      return "ended with code " + number;
    case ProcessEnd::Kind::signal:
      return "was killed by signal " + number + " (" + ::strsignal(end.number) + ")";
    case ProcessEnd::Kind::unknown:
      break;
  }
  return "ended, and somebody else took its exit status";
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
