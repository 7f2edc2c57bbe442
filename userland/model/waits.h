// SPDX-License-Identifier: MIT
// What does a histogram of waits say? Buckets are bpf/wire.h's, a quarter of an octave each.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/wire.h"

namespace timeslice::model {

using WaitHistogram = std::array<uint32_t, TS_WAIT_BUCKETS>;

// The histogram of one of a recording's threads, of which there may be a million, and most wait
// briefly or never: as long as its longest wait needs.
class WaitCounts {
 public:
  void add(uint32_t bucket, uint32_t count = 1) {
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += count;
  }
  void add(const WaitCounts& other) {
    for (uint32_t i = 0; i < other.counts_.size(); ++i) add(i, other.counts_[i]);
  }
  // By bucket; those beyond its end are empty.
  [[nodiscard]] std::span<const uint32_t> buckets() const { return counts_; }
  [[nodiscard]] auto begin() const { return counts_.begin(); }
  [[nodiscard]] auto end() const { return counts_.end(); }

 private:
  std::vector<uint32_t> counts_;
};

// The waits that `later` counts and `earlier` doesn't.
WaitHistogram waits_between(const WaitHistogram& earlier, const WaitHistogram& later);

// The end of the bucket that holds the q-th part of all waits, in ns: never below the true
// quantile, at most 25 % above it (below 1 µs: 1024 ns). Absent without waits. 0 < q <= 1.
// `waits`: counts by bucket.
std::optional<uint64_t> wait_quantile_ns(std::span<const uint32_t> waits, double q);

}  // namespace timeslice::model
