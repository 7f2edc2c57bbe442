// SPDX-License-Identifier: MIT
// How are the events of a cluster's workers described as text?
#pragma once
#include <cstring>
#include <string>

#include "loop/children/child_watch.h"
#include "loop/core/timer.h"

namespace timeslice::loop {

// "1.5 s", "20 ms": three digits at most.
std::string in_words(Nanoseconds time);
// "ended with code 3", "was killed by signal 9 (Killed)"
std::string in_words(const ExitStatus& end);

inline std::string worker_name(unsigned slot, pid_t pid) {
  return "worker " + std::to_string(slot) + " (pid " + std::to_string(pid) + ")";
}

}  // namespace timeslice::loop
