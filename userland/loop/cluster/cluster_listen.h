// SPDX-License-Identifier: MIT
// Which sockets does a cluster listen on? With round_robin one, which only the manager accepts
// from. With reuse_port one for each slot, all on one port: the kernel spreads the connections over
// them, and the manager keeps them open, so that a worker's end loses nothing that waits there.
#pragma once
#include <cstdint>
#include <vector>

#include "base/unique_fd.h"

namespace timeslice::loop {

// On 127.0.0.1:port (0: the kernel picks one), in non-blocking mode, which belongs to the socket,
// and so to all processes that have it. Throw Failure.
UniqueFd listen_alone(std::uint16_t port, int backlog);
std::vector<UniqueFd> listen_together(std::uint16_t port, int backlog, unsigned count);

}  // namespace timeslice::loop
