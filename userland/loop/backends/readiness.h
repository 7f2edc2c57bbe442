// SPDX-License-Identifier: MIT
// Which operations wait for a peer, for what, and how is one made without blocking? That is all a
// back end needs that has nothing but poll(2) or epoll: wait until the descriptor is ready, then
// try.
#pragma once
#include <cstdint>

#include "loop/core/operation.h"

namespace timeslice::loop {

// Sockets, streams and poll itself. Files and paths don't wait: they block.
bool waits_for_readiness(const Operation& op);
// The epoll events that such an operation needs.
std::uint32_t events_needed(const Operation& op);
// For a listener: accept4 has no MSG_DONTWAIT, and another process may be faster.
void never_block(int fd);
constexpr int kAcceptsAtOnce = 16;  // then other things of the loop have their turn
// Whether a receive that gave 0 was an empty message, and not the end.
bool is_datagram(int fd);
// The result, -errno, or -EAGAIN if it has to wait (longer). `happened`: what epoll reported, for a
// poll; `limit`: at most so many bytes. Never blocks, also on descriptors in blocking mode.
int try_now(Operation& op, std::uint32_t happened, std::size_t limit = ~std::size_t{0});

}  // namespace timeslice::loop
