// SPDX-License-Identifier: MIT
// For whom does a process wait, and who waits for it? Looks at its TCP sockets, about ten a second,
// become waits for an answer, merged by peer. Of each connection the kernel keeps when data was
// sent last, and when it was received last:
//
//   outgoing   sent last: it waits for the peer, since then, until data comes back
//   accepted   received last: a client waits for us, since then, until something is sent
//
// A connection is an accepted one if somebody in its network namespace listens on its local port.
// A keep-alive connection that is idle, whose answer came last, is no wait.
//
// What can't be seen:
//   - Times have the resolution of the kernel's tick: 1 to 10 ms, 4 here. Where both happened in
//     one tick, the order follows from what was acknowledged or read, from the number of segments
//     since the look before, or later from what comes next. Where nothing tells it, no wait is
//     claimed, and the exchange is counted as `unsure`.
//   - Of several exchanges between two looks only the last has its times. `segments` shows that
//     there were others. A wait of which only the least length is known counts with that.
//   - Answers that overlap on one connection (pipelining, HTTP/2): any data ends the wait.
//   - A wait ends with the last data that came until the next look; one that ends with its
//     connection, at the look that misses it. An acknowledgement is no answer.
//   - Who subscribes, polls long, or only ever sends, waits as well. Such waits began before the
//     window, as a rule, and don't end in it: they are `standing` and counted apart.
//   - A server that has closed its listening socket before the first look: its clients' connections
//     look like outgoing ones.
//   - A connection without times (base/tcp_socket.h) has waits to connect only.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/tcp_socket.h"

namespace timeslice::model {

struct Waits {
  // Those that ended in the window, with their whole lengths.
  uint64_t finished = 0, total_ns = 0, longest_ns = 0;
  uint64_t from_before = 0;  // of them, how many began before the window
  uint64_t cut_off = 0;      // of them, how many ended with their connection, answered or not
  // Those that go on and began in the window, and since when the oldest; CLOCK_MONOTONIC.
  uint32_t going_on = 0;
  uint64_t since_ns = 0;
  // Those that go on and began before the window.
  uint32_t standing = 0;
  uint64_t standing_since_ns = 0;
};

struct PeerFigures {
  bool accepted = false;     // clients that wait for us; otherwise we wait for the peer
  TcpEnd end;                // the peer; of accepted connections our port only
  uint32_t connections = 0;  // at the last look
  Waits answers;
  // Until the peer accepts a connection; those through between two looks aren't seen. It isn't kept
  // when one began: since the first look at which it was there.
  Waits connects;
  // How much of the window there was at least one wait of either kind, the standing ones apart.
  uint64_t covered_ns = 0;
  uint64_t segments = 0;  // with requests, in the window
  uint64_t unsure = 0;    // exchanges of which it isn't known who spoke last
};

class PeerWaits {
 public:
  // A look at one process's sockets; at_ns: CLOCK_MONOTONIC, of all of it.
  void add(const ProcessSockets& sockets, uint64_t at_ns);
  // Of the window, which began at the first look or at the last take(). Who is waited for the
  // longest part of it comes first.
  std::vector<PeerFigures> take();

 private:
  enum class Last { request, answer, unsure };
  using Peer = std::pair<bool, TcpEnd>;  // accepted; its end, or our port

  // What TcpCounts say, as seen by who asks and who answers.
  struct Exchange {
    uint64_t request_ns = 0, answer_ns = 0;  // when the last was
    uint32_t requests = 0, answers = 0;      // segments
    bool operator==(const Exchange&) const = default;
  };
  struct Connection {
    TcpEnd local, remote;
    Peer peer;
    Last last = Last::answer;
    Exchange seen;
    uint64_t at_ns = 0;
    std::optional<uint64_t> waits_since_ns, connects_since_ns;
    uint64_t look = 0;  // the last that found it
    bool over = false;  // closed by who would answer
  };
  struct Sums {
    PeerFigures figures;
    std::vector<std::pair<uint64_t, uint64_t>> waits_ns;  // from, to
  };

  Connection& connection_of(const TcpSocket& socket);
  void follow(const TcpSocket& socket);
  void follow_exchange(Connection& connection, const TcpSocket& socket);
  void drop_missing(bool gone, uint64_t at_ns);
  void finish(const Connection& connection, bool connects, uint64_t from_ns, uint64_t to_ns,
              bool cut_off = false);
  void end_all(Connection& connection, uint64_t at_ns, bool cut_off);
  void count_going_on(const Connection& connection);

  static Exchange exchange_of(const TcpSocket& socket, bool accepted);
  static Last last_of(const Connection& before, const Exchange& now, const TcpSocket& socket);

  std::optional<uint64_t> window_ns_;
  uint64_t at_ns_ = 0, look_ = 0;
  std::set<uint16_t> listened_ports_;
  std::map<uint64_t, Connection> connections_;  // by inode
  std::map<Peer, Sums> peers_;
};

}  // namespace timeslice::model
