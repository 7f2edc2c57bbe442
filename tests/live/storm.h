// SPDX-License-Identifier: MIT
// What does a machine do to us that begins a thousand processes a second? A Storm forks children
// that end at once, as fast as it is told, and says how many it made.
#pragma once
#include <atomic>
#include <cstdint>

#include "tests/live/processes.h"

namespace timeslice::live {

class Storm {
 public:
  explicit Storm(int forks_per_s);
  ~Storm();
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

  [[nodiscard]] uint64_t made() const { return shared_->made; }
  // Makes no more from here on; returns how many it made. Safe to call again.
  uint64_t stop();

 private:
  struct Shared {  // between the storm's process and ours
    std::atomic<uint64_t> made;
    std::atomic<bool> stop;
  };
  void rage(int forks_per_s) const;

  Shared* shared_;
  Child child_;
};

}  // namespace timeslice::live
