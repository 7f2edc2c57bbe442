// SPDX-License-Identifier: MIT
#include "observe/diag_messages.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace timeslice::observe {

namespace {

using Bytes = std::span<const std::byte>;

constexpr size_t aligned(size_t length) { return (length + 3) & ~size_t{3}; }

template <typename T>
std::optional<T> read_front(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Takes a message, or an attribute, off the front. Its length stands in its header, which
// `length_of` reads; a length that can't be ends the walk.
template <typename Header, typename LengthOf>
std::optional<std::pair<Header, Bytes>> take(Bytes& rest, LengthOf length_of) {
  const auto header = read_front<Header>(rest);
  if (!header) return std::nullopt;
  const size_t length = length_of(*header);
  if (length < sizeof(Header) || length > rest.size()) return std::nullopt;
  const Bytes payload = rest.subspan(sizeof(Header), length - sizeof(Header));
  rest = rest.subspan(std::min(aligned(length), rest.size()));
  return std::make_pair(*header, payload);
}

template <typename Visit>
void each_attribute(Bytes rest, Visit visit) {
  while (const auto taken = take<rtattr>(rest, [](const rtattr& a) { return a.rta_len; }))
    visit(taken->first.rta_type, taken->second);
}

// `type`: of the messages about a socket, which `visit` gets.
template <typename Visit>
DumpPart each_message(Bytes rest, uint16_t type, uint32_t sequence, Visit visit) {
  while (const auto taken = take<nlmsghdr>(rest, [](const nlmsghdr& m) { return m.nlmsg_len; })) {
    const auto& [header, payload] = *taken;
    if (header.nlmsg_seq != sequence) return DumpPart::failed;
    if (header.nlmsg_type == NLMSG_DONE)
      return read_front<int32_t>(payload).value_or(0) < 0 ? DumpPart::failed : DumpPart::last;
    if (header.nlmsg_type == type)
      visit(payload);
    else if (header.nlmsg_type != NLMSG_NOOP)
      return DumpPart::failed;
  }
  return rest.empty() ? DumpPart::more : DumpPart::failed;
}

std::optional<TcpCounts> counts_from(Bytes bytes) {
  constexpr size_t kNeeded =
      offsetof(tcp_info, tcpi_bytes_sent) + sizeof(tcp_info::tcpi_bytes_sent);
  if (bytes.size() < kNeeded) return std::nullopt;
  tcp_info info{};
  memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof(info)));
  return TcpCounts{.last_sent_ms = info.tcpi_last_data_sent,
                   .last_received_ms = info.tcpi_last_data_recv,
                   .last_ack_ms = info.tcpi_last_ack_recv,
                   .bytes_sent = info.tcpi_bytes_sent,
                   .bytes_received = info.tcpi_bytes_received,
                   .segments_sent = info.tcpi_data_segs_out,
                   .segments_received = info.tcpi_data_segs_in,
                   .notsent_bytes = info.tcpi_notsent_bytes};
}

TcpEnd end_from(uint8_t family, const __be32 (&address)[4], __be16 port) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(address);
  return tcp_end({bytes, family == AF_INET6 ? size_t{16} : size_t{4}}, ntohs(port));
}

}  // namespace

TcpEnd tcp_end(std::span<const uint8_t> address, uint16_t port) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  TcpEnd end{.is_ipv6 = address.size() == 16, .port = port};
  if (end.is_ipv6 && std::equal(kMapped.begin(), kMapped.end(), address.begin())) {
    address = address.subspan(kMapped.size());
    end.is_ipv6 = false;
  }
  std::copy(address.begin(), address.end(), end.address.begin());
  return end;
}

DumpPart add_tcp_sockets(Bytes datagram, uint32_t sequence, uint64_t at_ns,
                         std::vector<TcpSocket>& sockets) {
  return each_message(datagram, TCPDIAG_GETSOCK, sequence, [&](Bytes payload) {
    const auto message = read_front<inet_diag_msg>(payload);
    if (!message || message->idiag_inode == 0) return;
    const uint8_t family = message->idiag_family;
    if (family != AF_INET && family != AF_INET6) return;
    TcpSocket socket{.at_ns = at_ns,
                     .inode = message->idiag_inode,
                     .state = static_cast<TcpState>(message->idiag_state),
                     .local = end_from(family, message->id.idiag_src, message->id.idiag_sport),
                     .remote = end_from(family, message->id.idiag_dst, message->id.idiag_dport),
                     .unread_bytes = message->idiag_rqueue,
                     .unacked_bytes = message->idiag_wqueue};
    each_attribute(payload.subspan(std::min(aligned(sizeof(*message)), payload.size())),
                   [&](uint16_t type, Bytes value) {
                     if (type == INET_DIAG_INFO) socket.counts = counts_from(value);
                   });
    sockets.push_back(socket);
  });
}

DumpPart add_unix_sockets(Bytes datagram, uint32_t sequence, std::vector<UnixSocket>& sockets) {
  return each_message(datagram, SOCK_DIAG_BY_FAMILY, sequence, [&](Bytes payload) {
    const auto message = read_front<unix_diag_msg>(payload);
    if (!message || message->udiag_ino == 0) return;
    each_attribute(payload.subspan(std::min(aligned(sizeof(*message)), payload.size())),
                   [&](uint16_t type, Bytes value) {
                     if (type != UNIX_DIAG_NAME || value.empty()) return;
                     std::string path(reinterpret_cast<const char*>(value.data()), value.size());
                     // With or without the '\0' at its end, as it was bound.
                     if (path.front() != '\0') path.resize(path.find_last_not_of('\0') + 1);
                     sockets.push_back({message->udiag_ino, std::move(path)});
                   });
  });
}

}  // namespace timeslice::observe
