// SPDX-License-Identifier: MIT
// Who preempts a thread, and who wakes it? Made from the Space-Saving slots of bpf/wire.h.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/wire.h"
#include "model/frame.h"

namespace timeslice::model {

// The peers that a thread's slots prove, most frequent first. A slot's true count lies between
// count - error and count; what is shown is the lower end. `events`: all preemptions or wake-ups.
std::vector<TopPeer> peers_of(std::span<const ts_peer> slots, uint64_t events);

// The peer in `slot`, absent where there is none yet (slot == TS_PEERS).
std::optional<TopPeer> peer_in(std::span<const ts_peer> slots, uint32_t slot, uint64_t events);

}  // namespace timeslice::model
