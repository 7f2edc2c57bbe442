// SPDX-License-Identifier: MIT
// Where do a server's sockets come from? From these few blocking calls, made before the loop runs.
// All sockets are close-on-exec and, as io_uring wants them, in blocking mode: a back end that
// needs non-blocking calls asks for that call by call.
#pragma once
#include <cstdint>

namespace timeslice::loop {

// Listens on 127.0.0.1:port (0: the kernel picks one). Returns the socket or -errno.
int listen_on_loopback(std::uint16_t port, int backlog = 511);

// Connects to 127.0.0.1:port, waiting for it. Returns the socket or -errno.
int connect_to_loopback(std::uint16_t port);

// The local port of a socket, or -errno.
int port_of(int fd);

// Sends small writes at once: an answer must not wait for the acknowledgement of the one before.
void set_no_delay(int fd);

}  // namespace timeslice::loop
