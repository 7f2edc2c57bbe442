// SPDX-License-Identifier: MIT
// Numbers that a seed determines, the same on every machine: a lab's variant can be made again.
#pragma once
#include <cstdint>

namespace timeslice::labs {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // 0 to below - 1, evenly enough for small numbers.
  uint64_t below(uint64_t below) { return next() % below; }
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }

 private:
  // The SplitMix64 sequence (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
  uint64_t next() {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  uint64_t state_;
};

}  // namespace timeslice::labs
