// SPDX-License-Identifier: MIT
// Which few peers come up most often, when there is room for four? The Space-Saving algorithm
// (Metwally, Agrawal, El Abbadi, 2005), as the probes keep it in bpf/wire.h's slots: a peer without
// a slot takes over the rarest one's, and its count as the possible error.
#pragma once
#include <cstdint>
#include <span>

#include "bpf/wire.h"

namespace timeslice::model {

// Counts one more of the peer that `tid` and `context` tell from others; returns its slot. A slot
// that has just changed hands has no name yet.
inline uint32_t count_peer(std::span<ts_peer, TS_PEERS> slots, uint32_t tid, uint32_t context) {
  uint32_t rarest = 0;
  for (uint32_t i = 0; i < TS_PEERS; ++i) {
    ts_peer& slot = slots[i];
    if (slot.count != 0 && slot.kernel_tid == tid && slot.context == context) {
      ++slot.count;
      return i;
    }
    if (slot.count < slots[rarest].count) rarest = i;
  }
  const uint64_t inherited = slots[rarest].count;
  slots[rarest] = {};
  slots[rarest].count = inherited + 1;
  slots[rarest].error = inherited;
  slots[rarest].kernel_tid = tid;
  slots[rarest].context = context;
  return rarest;
}

}  // namespace timeslice::model
