// SPDX-License-Identifier: MIT
#include "model/peers.h"

#include <algorithm>

namespace timeslice::model {

namespace {

std::string name_of(const ts_peer& slot) {
  switch (slot.context) {
    case TS_CONTEXT_SOFTIRQ:
      return "softirq";
    case TS_CONTEXT_HARDIRQ:
      return "hardirq";
    case TS_CONTEXT_UNKNOWN:
      return "unknown";
    default:
      return slot.comm;
  }
}

TopPeer shown(const ts_peer& slot, uint64_t events) {
  const uint64_t proven = slot.count - slot.error;
  const double share =
      events != 0 ? std::min(1.0, static_cast<double>(proven) / static_cast<double>(events)) : 0;
  return {name_of(slot), slot.tid, slot.context, share, proven};
}

}  // namespace

std::vector<TopPeer> peers_of(std::span<const ts_peer> slots, uint64_t events) {
  std::vector<TopPeer> peers;
  for (const ts_peer& slot : slots)
    if (slot.count > slot.error) peers.push_back(shown(slot, events));
  std::sort(peers.begin(), peers.end(),
            [](const TopPeer& a, const TopPeer& b) { return a.count > b.count; });
  return peers;
}

std::optional<TopPeer> peer_in(std::span<const ts_peer> slots, uint32_t slot, uint64_t events) {
  if (slot >= slots.size() || slots[slot].count == 0) return std::nullopt;
  return shown(slots[slot], events);
}

}  // namespace timeslice::model
