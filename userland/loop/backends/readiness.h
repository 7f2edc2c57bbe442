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
// A connect to a path, or a datagram to one: over at once, or -EAGAIN while the other side's queue
// is full. Nothing tells when there is room (the sender's own socket counts as writable), so that
// it can only be tried again (see knocks.h).
inline bool knocks(const Operation& op) {
  const void* address = op.kind == Kind::connect ? op.data : nullptr;
  if (op.kind == Kind::sendmsg) address = static_cast<const msghdr*>(op.data)->msg_name;
  return address && static_cast<const sockaddr*>(address)->sa_family == AF_UNIX;
}
// The epoll events that such an operation needs.
std::uint32_t events_needed(const Operation& op);
// Whether a receive that gave 0 was an empty message, and not the end.
bool is_datagram(int fd);
// The result, -errno, or -EAGAIN if it has to wait (longer). `happened`: what epoll reported, for a
// poll; `limit`: at most so many bytes. Never blocks, also on descriptors in blocking mode.
int try_now(Operation& op, std::uint32_t happened, std::size_t limit = ~std::size_t{0});

}  // namespace timeslice::loop
