// SPDX-License-Identifier: MIT
#include "observe/tcp_sockets.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/clock.h"
#include "observe/proc_tcp.h"

namespace timeslice::observe {

namespace {

constexpr size_t kMostDescriptors = 100'000;  // of a process
constexpr size_t kMostSockets = 250'000;      // of a namespace: 40 MB
constexpr size_t kDatagram = 64 << 10;        // the kernel writes 32 KiB at most
constexpr time_t kPatience_s = 2;             // with the kernel, which answers at once
constexpr uint64_t kRenewal_ns = 1'000'000'000;
constexpr uint64_t kRenewalShare = 20;  // of the time, one part

constexpr uint32_t bit(TcpState state) { return uint32_t{1} << static_cast<unsigned>(state); }

// Without those that nobody has open.
constexpr uint32_t kStates =
    ~(bit(TcpState::time_wait) | bit(TcpState::syn_received) | uint32_t{1} << 12);

struct TcpRequest {
  nlmsghdr header;
  inet_diag_req body;
};
struct UnixRequest {
  nlmsghdr header;
  unix_diag_req body;
};

template <typename Request>
Request dump_request(uint16_t type) {
  Request request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  return request;
}

UniqueFd open_netlink() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  const timeval patience{.tv_sec = kPatience_s};
  if (fd) setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return fd;
}

// The length of the kernel's next datagram; 0: it hasn't come whole, or isn't the kernel's.
size_t receive(int fd, std::vector<std::byte>& buffer) {
  sockaddr_nl from{};
  socklen_t from_size = sizeof(from);
  ssize_t got;
  do {
    got = recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from),
                   &from_size);
  } while (got < 0 && errno == EINTR);
  if (got <= 0 || static_cast<size_t>(got) > buffer.size() || from.nl_pid != 0) return 0;
  return static_cast<size_t>(got);
}

// It keeps its memory, which costs more to get than to fill.
void clear(ProcessSockets& sockets) {
  sockets.complete = false;
  sockets.connections.clear();
  sockets.listening.clear();
  sockets.unix_listening.clear();
  sockets.listened_ports.clear();
}

template <typename T>
void sort_uniquely(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

TcpSockets::TcpSockets() : ours_(namespace_of("thread-self")), buffer_(kDatagram) {}

TcpSockets::Namespace TcpSockets::namespace_of(const std::string& process) {
  struct stat facts {};
  if (stat(("/proc/" + process + "/ns/net").c_str(), &facts) != 0) return {0, 0};
  return {facts.st_dev, facts.st_ino};
}

void TcpSockets::Table::sort() {
  std::sort(sockets.begin(), sockets.end(),
            [](const TcpSocket& one, const TcpSocket& other) { return one.inode < other.inode; });
  listened_ports.clear();
  for (const TcpSocket& socket : sockets)
    if (socket.state == TcpState::listen) listened_ports.push_back(socket.local.port);
  sort_uniquely(listened_ports);
}

// `add` takes each datagram and when the kernel wrote it, and returns what part it is.
template <typename Request, typename Add>
bool TcpSockets::ask(const Request& asked, Add add) {
  if (!netlink_) netlink_ = open_netlink();
  if (!netlink_) return false;
  Request request = asked;
  request.header.nlmsg_seq = ++sequence_;
  uint64_t written_ns = monotonic_ns();
  DumpPart part = DumpPart::more;
  if (send(netlink_.get(), &request, sizeof(request), 0) != sizeof(request))
    part = DumpPart::failed;
  while (part == DumpPart::more) {
    const uint64_t next_written_ns = monotonic_ns();  // while this one is received
    const size_t length = receive(netlink_.get(), buffer_);
    part = length == 0 ? DumpPart::failed : add(std::span(buffer_).first(length), written_ns);
    written_ns = next_written_ns;
  }
  if (part == DumpPart::failed) netlink_ = UniqueFd();  // with what may still come
  return part == DumpPart::last;
}

// False: it isn't to be had here. The older one of the two requests that there are gives IPv4 and
// IPv6 at once. Half of the cost of a dump is the kernel's way through its empty hash table.
bool TcpSockets::dump() {
  auto request = dump_request<TcpRequest>(TCPDIAG_GETSOCK);
  request.body.idiag_ext = 1 << (INET_DIAG_INFO - 1);
  request.body.idiag_states = kStates;
  here_.sockets.clear();
  here_.complete = true;
  const bool answered = ask(request, [&](std::span<const std::byte> datagram, uint64_t written_ns) {
    if (here_.sockets.size() > kMostSockets) {
      here_.complete = false;
      return DumpPart::failed;
    }
    return add_tcp_sockets(datagram, sequence_, written_ns, here_.sockets);
  });
  here_.sort();
  return answered || !here_.complete;
}

void TcpSockets::dump_unix() {
  auto request = dump_request<UnixRequest>(SOCK_DIAG_BY_FAMILY);
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = bit(TcpState::listen);
  request.body.udiag_show = UDIAG_SHOW_NAME;
  unix_.clear();
  ask(request, [&](std::span<const std::byte> datagram, uint64_t) {
    if (unix_.size() > kMostSockets) return DumpPart::failed;
    return add_unix_sockets(datagram, sequence_, unix_);
  });
  std::sort(unix_.begin(), unix_.end(),
            [](const UnixSocket& one, const UnixSocket& other) { return one.inode < other.inode; });
}

// Is there a socket that wasn't there at the dump before?
void TcpSockets::look_for_news() {
  inodes_.swap(inodes_before_);
  inodes_.clear();
  for (const TcpSocket& socket : here_.sockets) inodes_.push_back(socket.inode);
  has_news_ |=
      !std::includes(inodes_before_.begin(), inodes_before_.end(), inodes_.begin(), inodes_.end());
}

bool TcpSockets::is_time_to_renew(const std::vector<uint32_t>& tgids) const {
  const auto is_new = [&](uint32_t tgid) { return !processes_.contains(tgid); };
  if (std::any_of(tgids.begin(), tgids.end(), is_new)) return true;
  const uint64_t since_ns = monotonic_ns() - renewed_ns_;
  return since_ns > kRenewalShare * renewal_took_ns_ && (has_news_ || since_ns > kRenewal_ns);
}

void TcpSockets::renew(const std::vector<uint32_t>& tgids) {
  const uint64_t began_ns = monotonic_ns();
  processes_.clear();
  for (const uint32_t tgid : tgids) {
    Process& process = processes_[tgid];
    process.open = open_sockets(tgid, kMostDescriptors);
    process.net = namespace_of(std::to_string(tgid));
    if (process.net.second == 0) process.net.second = tgid;  // nobody else's, then
  }
  dump_unix();
  has_news_ = false;
  renewed_ns_ = monotonic_ns();
  renewal_took_ns_ = renewed_ns_ - began_ns;
}

// Another namespace's, or ours where netlink doesn't answer.
const TcpSockets::Table& TcpSockets::proc_table(const Process& process, uint32_t tgid) {
  const auto [at, is_new] = elsewhere_.try_emplace(process.net);
  Table& table = at->second;
  if (!is_new) return table;
  table.complete = add_proc_tcp(tgid, kMostSockets, table.sockets);
  table.complete &= table.sockets.size() < kMostSockets;
  table.sort();
  return table;
}

void TcpSockets::add(const TcpSocket& socket, ProcessSockets& sockets) {
  if (socket.state == TcpState::listen)
    sockets.listening.push_back(socket.local);
  else
    sockets.connections.push_back(socket);
}

void TcpSockets::fill(ProcessSockets& sockets, const Process& process, const Table& table) {
  auto socket = table.sockets.begin();
  for (const uint64_t inode : process.open.inodes) {
    while (socket != table.sockets.end() && socket->inode < inode) ++socket;
    if (socket == table.sockets.end()) break;
    if (socket->inode == inode) add(*socket, sockets);
  }
  sockets.complete &= table.complete;
  sockets.listened_ports.insert(sockets.listened_ports.end(), table.listened_ports.begin(),
                                table.listened_ports.end());
}

void TcpSockets::fill_unix(ProcessSockets& sockets, const Process& process) const {
  const std::vector<uint64_t>& open = process.open.inodes;
  for (const UnixSocket& listener : unix_)
    if (std::binary_search(open.begin(), open.end(), listener.inode))
      sockets.unix_listening.push_back(listener.path);
  sort_uniquely(sockets.unix_listening);
}

const std::vector<ProcessSockets>& TcpSockets::read(const std::vector<uint32_t>& tgids) {
  const bool dumped = dump();
  look_for_news();
  if (is_time_to_renew(tgids)) renew(tgids);
  elsewhere_.clear();
  result_.resize(tgids.size());
  for (size_t i = 0; i < tgids.size(); ++i) {
    const uint32_t tgid = tgids[i];
    const Process& process = processes_[tgid];
    ProcessSockets& sockets = result_[i];
    clear(sockets);
    sockets.tgid = tgid;
    sockets.known = process.open.known;
    if (!sockets.known) continue;
    sockets.complete = process.open.complete;
    // A process may have been handed sockets of ours, wherever it lives.
    if (dumped) fill(sockets, process, here_);
    if (!dumped || process.net != ours_) fill(sockets, process, proc_table(process, tgid));
    sort_uniquely(sockets.listening);
    sort_uniquely(sockets.listened_ports);
    fill_unix(sockets, process);
  }
  return result_;
}

}  // namespace timeslice::observe
