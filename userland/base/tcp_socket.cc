// SPDX-License-Identifier: MIT
#include "base/tcp_socket.h"

#include <arpa/inet.h>

namespace timeslice {

std::string text_of(const TcpEnd& end) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(end.is_ipv6 ? AF_INET6 : AF_INET, end.address.data(), text.data(), text.size());
  const std::string address = text.data();
  return (end.is_ipv6 ? '[' + address + ']' : address) + ':' + std::to_string(end.port);
}

}  // namespace timeslice
