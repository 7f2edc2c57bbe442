// SPDX-License-Identifier: MIT
#include "model/waits.h"

#include <cmath>
#include <numeric>

namespace timeslice::model {

WaitHistogram waits_between(const WaitHistogram& earlier, const WaitHistogram& later) {
  WaitHistogram between{};
  for (size_t i = 0; i < between.size(); ++i) between[i] = later[i] - earlier[i];
  return between;
}

std::optional<uint64_t> wait_quantile_ns(std::span<const uint32_t> waits, double q) {
  const uint64_t all = std::accumulate(waits.begin(), waits.end(), uint64_t{0});
  if (all == 0) return std::nullopt;
  auto wanted = static_cast<uint64_t>(std::ceil(q * static_cast<double>(all)));
  if (wanted == 0) wanted = 1;
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < waits.size(); ++bucket) {
    seen += waits[bucket];
    if (seen >= wanted) return ts_wait_bucket_floor_ns(bucket + 1);
  }
  return std::nullopt;
}

}  // namespace timeslice::model
