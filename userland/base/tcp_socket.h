// SPDX-License-Identifier: MIT
// What can be known of a process's TCP sockets from outside? Who reads them fills this, and the
// model judges it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace timeslice {

// The kernel's numbers (include/net/tcp_states.h).
enum class TcpState : uint8_t {
  established = 1,
  syn_sent,
  syn_received,
  fin_wait1,  // closed by us, but not by the peer
  fin_wait2,
  time_wait,
  closed,
  close_wait,  // closed by the peer, but not by us
  last_ack,
  listen,
  closing,
};

// An address and a port. IPv4 over an IPv6 socket (::ffff:127.0.0.1) is told as IPv4.
struct TcpEnd {
  std::array<uint8_t, 16> address{};  // in the network's order; IPv4 has the first four
  bool is_ipv6 = false;
  uint16_t port = 0;

  bool operator==(const TcpEnd&) const = default;
  bool operator<(const TcpEnd& other) const { return parts() < other.parts(); }
  [[nodiscard]] std::tuple<bool, const std::array<uint8_t, 16>&, uint16_t> parts() const {
    return {is_ipv6, address, port};
  }
};

// "127.0.0.1:5432", "[::1]:80"
std::string text_of(const TcpEnd& end);

// What the kernel has counted of a connection. Times are ages, and have the resolution of the
// kernel's tick (4 ms with 250 a second). Retransmissions are sent and counted again.
struct TcpCounts {
  uint32_t last_sent_ms = 0;      // ago; of data, as are all but the third
  uint32_t last_received_ms = 0;  // ago; where there was none: since it is connected
  uint32_t last_ack_ms =
      0;  // ago, since the peer has acknowledged anything, or answered a keep-alive
  uint64_t bytes_sent = 0, bytes_received = 0;
  uint32_t segments_sent = 0, segments_received = 0;  // wrap around
  uint32_t notsent_bytes = 0;                         // of the unacknowledged ones
};

struct TcpSocket {
  uint64_t at_ns = 0;  // CLOCK_MONOTONIC, when it was read
  uint64_t inode = 0;  // its identity as long as it is open
  TcpState state = TcpState::closed;
  TcpEnd local, remote;
  uint32_t unread_bytes = 0;   // received, but not read by the process yet
  uint32_t unacked_bytes = 0;  // written by the process, but not acknowledged by the peer yet
  // Absent where /proc is all there is, and before Linux 4.19.
  std::optional<TcpCounts> counts;
};

struct ProcessSockets {
  uint32_t tgid = 0;
  bool known = false;     // false: it is gone, or may not be looked at
  bool complete = false;  // false: it has more than are read
  std::vector<TcpSocket> connections;
  // In order, each once. What is listened on by a descriptor of another process isn't here: a Node
  // cluster's workers are handed their connections by the primary, and don't listen themselves.
  std::vector<TcpEnd> listening;
  std::vector<std::string> unix_listening;  // paths, any bytes; an abstract one begins with '\0'
  // In order, each once: on which ports of its network namespace anybody listens.
  std::vector<uint16_t> listened_ports;
};

}  // namespace timeslice
