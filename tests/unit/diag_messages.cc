// SPDX-License-Identifier: MIT
// Is the kernel's answer about sockets read right, and nothing beyond it, whatever lengths stand in
// it? Datagrams are made up here, cut, and changed; each lies at the end of its memory, so that a
// sanitizer sees a byte too many.
#include "observe/diag_messages.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>

#include <cstring>
#include <random>

#include "observe/proc_tcp.h"
#include "tests/catch.h"

using namespace timeslice;
using observe::DumpPart;

namespace {

constexpr uint32_t kSequence = 7;

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& to, const T& value, size_t size = sizeof(T)) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), bytes, bytes + size);
  to.resize((to.size() + 3) & ~size_t{3});
}

void append_attribute(Bytes& to, unsigned short type, const void* value, size_t size) {
  append(to, rtattr{static_cast<unsigned short>(sizeof(rtattr) + size), type});
  const auto* bytes = static_cast<const std::byte*>(value);
  to.insert(to.end(), bytes, bytes + size);
  to.resize((to.size() + 3) & ~size_t{3});
}

void append_message(Bytes& to, uint16_t type, const Bytes& payload, uint32_t sequence = kSequence) {
  append(to, nlmsghdr{static_cast<uint32_t>(sizeof(nlmsghdr) + payload.size()), type, NLM_F_MULTI,
                      sequence, 0});
  to.insert(to.end(), payload.begin(), payload.end());
}

tcp_info made_info() {
  tcp_info info{};
  info.tcpi_last_data_sent = 12;
  info.tcpi_last_data_recv = 340;
  info.tcpi_last_ack_recv = 8;
  info.tcpi_bytes_sent = 5'000'000'000;
  info.tcpi_bytes_received = 70;
  info.tcpi_data_segs_out = 9;
  info.tcpi_data_segs_in = 4;
  info.tcpi_notsent_bytes = 100;
  return info;
}

inet_diag_msg made_socket(uint8_t family, const char* from, uint16_t from_port, const char* to,
                          uint16_t to_port) {
  inet_diag_msg message{};
  message.idiag_family = family;
  message.idiag_state = 1;
  inet_pton(family, from, message.id.idiag_src);
  inet_pton(family, to, message.id.idiag_dst);
  message.id.idiag_sport = htons(from_port);
  message.id.idiag_dport = htons(to_port);
  message.idiag_rqueue = 3;
  message.idiag_wqueue = 200;
  message.idiag_inode = 4'000'000'000;
  return message;
}

Bytes made_payload(const inet_diag_msg& message, size_t info_size = sizeof(tcp_info)) {
  Bytes payload;
  append(payload, message);
  const uint8_t shutdown = 0;
  append_attribute(payload, INET_DIAG_SHUTDOWN, &shutdown, 1);
  const tcp_info info = made_info();
  if (info_size > 0) append_attribute(payload, INET_DIAG_INFO, &info, info_size);
  return payload;
}

Bytes made_datagram() {
  Bytes datagram;
  append_message(datagram, TCPDIAG_GETSOCK,
                 made_payload(made_socket(AF_INET, "127.0.0.1", 40'000, "10.0.0.7", 5432)));
  append_message(datagram, TCPDIAG_GETSOCK,
                 made_payload(made_socket(AF_INET6, "::1", 80, "fe80::1", 50'000)));
  append_message(datagram, NLMSG_DONE, Bytes(4));
  return datagram;
}

struct Read {
  DumpPart part;
  std::vector<TcpSocket> sockets;
};

Read read(const Bytes& datagram) {
  const Bytes copy(datagram.begin(), datagram.end());  // without room behind it
  Read result{};
  result.part = observe::add_tcp_sockets(copy, kSequence, 99, result.sockets);
  return result;
}

Read read_one(const inet_diag_msg& message, size_t info_size = sizeof(tcp_info)) {
  Bytes datagram;
  append_message(datagram, TCPDIAG_GETSOCK, made_payload(message, info_size));
  return read(datagram);
}

}  // namespace

TEST_CASE("the kernel's answer becomes sockets") {
  const Read all = read(made_datagram());
  CHECK(all.part == DumpPart::last);
  REQUIRE(all.sockets.size() == 2);
  const TcpSocket& socket = all.sockets[0];
  CHECK(socket.at_ns == 99);
  CHECK(socket.inode == 4'000'000'000);
  CHECK(socket.state == TcpState::established);
  CHECK(text_of(socket.local) == "127.0.0.1:40000");
  CHECK(text_of(socket.remote) == "10.0.0.7:5432");
  CHECK(socket.unread_bytes == 3);
  CHECK(socket.unacked_bytes == 200);
  REQUIRE(socket.counts);
  CHECK(socket.counts->last_sent_ms == 12);
  CHECK(socket.counts->last_received_ms == 340);
  CHECK(socket.counts->last_ack_ms == 8);
  CHECK(socket.counts->bytes_sent == 5'000'000'000);
  CHECK(socket.counts->bytes_received == 70);
  CHECK(socket.counts->segments_sent == 9);
  CHECK(socket.counts->segments_received == 4);
  CHECK(socket.counts->notsent_bytes == 100);
  CHECK(text_of(all.sockets[1].local) == "[::1]:80");
  CHECK(text_of(all.sockets[1].remote) == "[fe80::1]:50000");
}

TEST_CASE("IPv4 over an IPv6 socket is told as IPv4, and any address isn't") {
  const Read mapped =
      read_one(made_socket(AF_INET6, "::ffff:127.0.0.1", 3000, "::ffff:10.0.0.7", 50'000));
  REQUIRE(mapped.sockets.size() == 1);
  CHECK(text_of(mapped.sockets[0].local) == "127.0.0.1:3000");
  CHECK(text_of(mapped.sockets[0].remote) == "10.0.0.7:50000");
  CHECK(mapped.sockets[0].local ==
        read_one(made_socket(AF_INET, "127.0.0.1", 3000, "1.1.1.1", 1)).sockets[0].local);
  const Read any = read_one(made_socket(AF_INET6, "::", 3000, "::fffe:127.0.0.1", 0));
  CHECK(text_of(any.sockets[0].local) == "[::]:3000");
  CHECK(any.sockets[0].remote.is_ipv6);
}

TEST_CASE("an older kernel's shorter figures are absent, a newer one's longer ones are not") {
  constexpr size_t kNeeded = offsetof(tcp_info, tcpi_bytes_sent) + sizeof(uint64_t);
  CHECK(!read_one(made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1), 0).sockets[0].counts);
  CHECK(!read_one(made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1), kNeeded - 4).sockets[0].counts);
  CHECK(read_one(made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1), kNeeded).sockets[0].counts);
  Bytes payload, datagram;
  append(payload, made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1));
  Bytes longer(sizeof(tcp_info) + 100);
  const tcp_info info = made_info();
  memcpy(longer.data(), &info, sizeof(info));
  append_attribute(payload, INET_DIAG_INFO, longer.data(), longer.size());
  append_message(datagram, TCPDIAG_GETSOCK, payload);
  CHECK(read(datagram).sockets[0].counts->bytes_received == 70);
}

TEST_CASE("sockets that nobody has open, and of other families, are left out") {
  inet_diag_msg orphan = made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1);
  orphan.idiag_inode = 0;
  CHECK(read_one(orphan).sockets.empty());
  CHECK(read_one(made_socket(AF_UNIX, "", 1, "", 1)).sockets.empty());
}

TEST_CASE("what isn't the answer to the question is refused") {
  const Bytes payload = made_payload(made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1));
  Bytes stale, other, refused, failed;
  append_message(stale, TCPDIAG_GETSOCK, payload, kSequence - 1);
  append_message(other, SOCK_DIAG_BY_FAMILY, payload);
  append_message(refused, NLMSG_ERROR, Bytes(sizeof(nlmsgerr)));
  Bytes error;
  append(error, int32_t{-2});
  append_message(failed, NLMSG_DONE, error);
  for (const Bytes& datagram : {stale, other, refused, failed}) {
    CHECK(read(datagram).part == DumpPart::failed);
    CHECK(read(datagram).sockets.empty());
  }
}

TEST_CASE("an answer that is cut anywhere has the sockets before the cut") {
  const Bytes whole = made_datagram();
  const size_t one =
      sizeof(nlmsghdr) + made_payload(made_socket(AF_INET, "1.1.1.1", 1, "1.1.1.1", 1)).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const Read cut = read(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
    REQUIRE(cut.part == (size % one == 0 ? DumpPart::more : DumpPart::failed));
    REQUIRE(cut.sockets.size() == size / one);
  }
}

TEST_CASE("no length in an answer leads beyond it") {
  const Bytes whole = made_datagram();
  for (const uint32_t length : {0U, 1U, 15U, 16U, 17U, 0x7fffffffU, 0xfffffffcU, 0xffffffffU}) {
    Bytes datagram = whole;
    memcpy(datagram.data(), &length, sizeof(length));
    read(datagram);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    Bytes datagram = whole;
    for (int changes = 0; changes < 4; ++changes)
      datagram[random() % datagram.size()] = static_cast<std::byte>(random());
    datagram.resize(random() % (datagram.size() + 1));
    REQUIRE(read(datagram).sockets.size() <= whole.size() / sizeof(inet_diag_msg));
  }
}

TEST_CASE("listening unix sockets have their paths, whatever bytes those are of") {
  unix_diag_msg message{};
  message.udiag_ino = 5;
  Bytes datagram;
  for (const std::string& path :
       {std::string("/run/app.sock"), std::string("/run/ended\0", 11),
        std::string("\0abstract\0", 10), std::string("/a\nb"), std::string("\0", 1)}) {
    Bytes payload;
    append(payload, message);
    append_attribute(payload, UNIX_DIAG_NAME, path.data(), path.size());
    append_message(datagram, SOCK_DIAG_BY_FAMILY, payload);
  }
  Bytes unnamed;
  append(unnamed, message);
  append_message(datagram, SOCK_DIAG_BY_FAMILY, unnamed);
  std::vector<observe::UnixSocket> sockets;
  CHECK(observe::add_unix_sockets(datagram, kSequence, sockets) == DumpPart::more);
  std::vector<std::string> paths;
  for (const observe::UnixSocket& socket : sockets) paths.push_back(socket.path);
  CHECK(paths == std::vector<std::string>{"/run/app.sock", "/run/ended",
                                          std::string("\0abstract\0", 10), "/a\nb",
                                          std::string("\0", 1)});
  for (size_t size = 0; size < datagram.size(); ++size) {
    const Bytes cut(datagram.begin(), datagram.begin() + static_cast<ptrdiff_t>(size));
    observe::add_unix_sockets(cut, kSequence, sockets);
  }
}

namespace {

std::vector<TcpSocket> read_line(const std::string& line) {
  std::vector<TcpSocket> sockets;
  observe::add_tcp_line(line, 99, sockets);
  return sockets;
}

const char* const kLine =
    "   1: 0100007F:D431 0700000A:1538 01 000000C8:00000003 02:000A7214 00000000  1000        0 "
    "50941 2 0000000000000000 20 4 30 10 -1";

}  // namespace

TEST_CASE("a line of /proc/net/tcp becomes a socket without times") {
  const auto sockets = read_line(kLine);
  REQUIRE(sockets.size() == 1);
  CHECK(text_of(sockets[0].local) == "127.0.0.1:54321");
  CHECK(text_of(sockets[0].remote) == "10.0.0.7:5432");
  CHECK(sockets[0].state == TcpState::established);
  CHECK(sockets[0].unacked_bytes == 200);
  CHECK(sockets[0].unread_bytes == 3);
  CHECK(sockets[0].inode == 50'941);
  CHECK(sockets[0].at_ns == 99);
  CHECK(!sockets[0].counts);
}

TEST_CASE("a line of /proc/net/tcp6 has IPv6 addresses, and IPv4 ones within them") {
  const std::string rest = " 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0";
  const std::string nobody = " 00000000000000000000000000000000:0000";
  const auto one = read_line("   0: 00000000000000000000000001000000:0BB8" + nobody + rest);
  REQUIRE(one.size() == 1);
  CHECK(text_of(one[0].local) == "[::1]:3000");
  CHECK(one[0].state == TcpState::listen);
  const auto mapped = read_line("   0: 0000000000000000FFFF00000100007F:0BB8" + nobody + rest);
  CHECK(text_of(mapped.at(0).local) == "127.0.0.1:3000");
}

TEST_CASE("what is no line of a socket that is open adds none") {
  CHECK(read_line("").empty());
  CHECK(read_line("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
                  "uid  timeout inode")
            .empty());
  CHECK(read_line("   1: 0100007F:D431 0700000A:1538 06 00000000:00000000 03:00001769 00000000     "
                  "0        0 0 3 0000000000000000")
            .empty());  // TIME_WAIT: nobody's
  const std::string line = kLine;
  for (const char* address : {"", "7F", "0100007F0", "0100007F0100007F"}) {
    std::string changed = line;
    CHECK(read_line(changed.replace(line.find("0100007F"), 8, address)).empty());
  }
  std::string longer = line;
  CHECK(read_line(longer.replace(line.find("0100007F"), 8, std::string(40, '1'))).empty());
  const size_t inode_begins = line.find("50941");
  for (size_t size = 0; size < line.size(); ++size) {
    CAPTURE(size);
    CHECK(read_line(line.substr(0, size)).empty() == (size <= inode_begins));
  }
  for (size_t at = 0; at < line.size(); ++at)
    for (const char byte : {'\0', 'g', ' ', ':', '-', '\xff'}) {
      std::string changed = line;
      changed[at] = byte;
      CHECK(read_line(changed).size() <= 1);
    }
}
