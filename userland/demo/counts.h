// SPDX-License-Identifier: MIT
// What has a server counted, besides what its loop counts?
#pragma once
#include <cstdint>

namespace timeslice::demo {

struct Counts {
  std::uint64_t connections = 0;   // open now
  std::uint64_t accepted = 0;      // ever
  std::uint64_t timed_out = 0;     // closed for a client that didn't get on
  std::uint64_t accept_rests = 0;  // for want of descriptors, or at the limit
};

}  // namespace timeslice::demo
