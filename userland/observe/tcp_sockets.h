// SPDX-License-Identifier: MIT
// Which TCP connections do processes have, and when was something sent and received last? The
// kernel keeps that of each socket, and tells anybody who asks by netlink (sock_diag(7)): nothing
// is attached. One dump of all sockets in our network namespace
// serves any number of processes; which of them are whose, the links in /proc/PID/fd say.
//
// A dump costs some 1 us per socket on the machine, during part of which that socket is locked, and
// 1.5 ms for the kernel's way through a hash table of 262,144 entries, however few are used. The
// links cost 2.6 us per descriptor. So they are read again only when there is a socket that wasn't
// there at the dump before, or each second; and never so often that it took more than a twentieth
// of the time. Until then a new connection is missing, but not its times: the kernel keeps them.
//
// Of a process in another network namespace /proc/PID/net/tcp gives the same but for the times. It
// needs the rights to see the descriptors: of one's own processes, or by CAP_SYS_PTRACE.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/tcp_socket.h"
#include "base/unique_fd.h"
#include "observe/diag_messages.h"
#include "observe/open_sockets.h"

namespace timeslice::observe {

class TcpSockets {
 public:
  // "Ours" is the network namespace of the thread that makes and uses it.
  TcpSockets();

  // In the order of `tgids`. They stand until the next read.
  const std::vector<ProcessSockets>& read(const std::vector<uint32_t>& tgids);

 private:
  using Namespace = std::pair<uint64_t, uint64_t>;  // device and inode; 0: not known
  struct Process {
    OpenSockets open;
    Namespace net;
  };
  // All sockets of a namespace, by inode.
  struct Table {
    std::vector<TcpSocket> sockets;
    std::vector<uint16_t> listened_ports;
    bool complete = false;
    void sort();
  };

  bool dump();
  void dump_unix();
  template <typename Request, typename Add>
  bool ask(const Request& request, Add add);
  void look_for_news();
  [[nodiscard]] bool is_time_to_renew(const std::vector<uint32_t>& tgids) const;
  void renew(const std::vector<uint32_t>& tgids);
  const Table& proc_table(const Process& process, uint32_t tgid);
  void fill_unix(ProcessSockets& sockets, const Process& process) const;

  static Namespace namespace_of(const std::string& process);
  static void fill(ProcessSockets& sockets, const Process& process, const Table& table);
  static void add(const TcpSocket& socket, ProcessSockets& sockets);

  Namespace ours_;
  UniqueFd netlink_;  // opened anew after an answer that didn't come
  uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
  Table here_;
  std::map<Namespace, Table> elsewhere_;  // of one read
  std::vector<uint64_t> inodes_, inodes_before_;
  bool has_news_ = false;
  std::vector<UnixSocket> unix_;
  std::map<uint32_t, Process> processes_;
  uint64_t renewed_ns_ = 0, renewal_took_ns_ = 0;
  std::vector<ProcessSockets> result_;
};

}  // namespace timeslice::observe
