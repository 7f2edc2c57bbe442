// SPDX-License-Identifier: MIT
// How many of some threads ran at the same moment, and for how long?
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "model/history.h"

namespace timeslice::labs {

struct Overlap {
  std::vector<uint64_t> ns;  // index: how many of them ran at once
  [[nodiscard]] size_t most() const { return ns.empty() ? 0 : ns.size() - 1; }
  [[nodiscard]] uint64_t ns_of(size_t threads) const {
    return threads < ns.size() ? ns[threads] : 0;
  }
};

// `of`: whether a thread, by its index in the history, is one of them. CLOCK_MONOTONIC.
Overlap overlap_of(const std::vector<model::Slice>& slices, uint64_t from_ns, uint64_t to_ns,
                   const std::function<bool(uint32_t)>& of);

// Threads that compute from the beginning to their end, on so many CPUs: how much of the CPUs'
// time, of which they could have made use, didn't they get? Somebody else had it, or nobody. ns.
uint64_t kept_from_ns(const std::vector<model::Slice>& slices, uint64_t from_ns, uint64_t to_ns,
                      const std::function<bool(uint32_t)>& of, size_t cpus);

}  // namespace timeslice::labs
