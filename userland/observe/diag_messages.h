// SPDX-License-Identifier: MIT
// What does the kernel's answer say when it is asked for sockets (sock_diag(7))? A dump comes in
// datagrams of several messages each. Pure functions: nothing beyond the datagram is read, whatever
// lengths stand in it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/tcp_socket.h"

namespace timeslice::observe {

enum class DumpPart {
  more,    // other datagrams follow
  last,    // the dump is complete
  failed,  // refused, or not what was asked for
};

// Adds the sockets of one datagram that have an inode, that is, that somebody has open. `at_ns`:
// when the kernel wrote it.
DumpPart add_tcp_sockets(std::span<const std::byte> datagram, uint32_t sequence, uint64_t at_ns,
                         std::vector<TcpSocket>& sockets);

struct UnixSocket {
  uint64_t inode = 0;
  std::string path;  // any bytes; an abstract one begins with '\0'
};

// Those that have a path.
DumpPart add_unix_sockets(std::span<const std::byte> datagram, uint32_t sequence,
                          std::vector<UnixSocket>& sockets);

// IPv4 where it is IPv4 within IPv6. `address`: 4 or 16 bytes in the network's order.
TcpEnd tcp_end(std::span<const uint8_t> address, uint16_t port);

}  // namespace timeslice::observe
