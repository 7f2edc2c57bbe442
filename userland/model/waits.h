// SPDX-License-Identifier: MIT
// What does a histogram of waits say? Buckets are bpf/wire.h's, a quarter of an octave each.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "bpf/wire.h"

namespace timeslice::model {

using WaitHistogram = std::array<uint32_t, TS_WAIT_BUCKETS>;

// The waits that `later` counts and `earlier` doesn't.
WaitHistogram waits_between(const WaitHistogram& earlier, const WaitHistogram& later);

// The end of the bucket that holds the q-th part of all waits, in ns: never below the true
// quantile, at most 25 % above it (below 1 µs: 1024 ns). Absent without waits. 0 < q <= 1.
std::optional<uint64_t> wait_quantile_ns(const WaitHistogram& waits, double q);

}  // namespace timeslice::model
