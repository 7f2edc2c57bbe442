// SPDX-License-Identifier: MIT
#include "model/peer_waits.h"

#include <algorithm>
#include <iterator>

namespace timeslice::model {

namespace {

constexpr uint64_t kMs = 1'000'000;
// An acknowledgement comes within a round trip and the 200 ms that a peer may delay it. The first
// keep-alive probe, which is answered as well, is sent after a second at the earliest.
constexpr uint32_t kSurelyAck_ms = 900;

uint64_t before(uint64_t at_ns, uint32_t age_ms) { return at_ns - std::min(at_ns, age_ms * kMs); }

// Nobody will answer any more, or nobody asks.
bool is_over(TcpState state, bool accepted) {
  if (state == TcpState::established) return false;
  // Who has closed its own direction may still wait for what comes from the other.
  if (accepted) return state != TcpState::close_wait;
  return state != TcpState::fin_wait1 && state != TcpState::fin_wait2;
}

uint64_t union_of(std::vector<std::pair<uint64_t, uint64_t>>& waits_ns) {
  std::sort(waits_ns.begin(), waits_ns.end());
  uint64_t covered = 0, end = 0;
  for (const auto& [from, to] : waits_ns) {
    if (to <= end) continue;
    covered += to - std::max(from, end);
    end = to;
  }
  return covered;
}

}  // namespace

PeerWaits::Exchange PeerWaits::exchange_of(const TcpSocket& socket, bool accepted) {
  const TcpCounts& counts = *socket.counts;
  Exchange sent_first{before(socket.at_ns, counts.last_sent_ms),
                      before(socket.at_ns, counts.last_received_ms), counts.segments_sent,
                      counts.segments_received};
  if (accepted) {
    std::swap(sent_first.request_ns, sent_first.answer_ns);
    std::swap(sent_first.requests, sent_first.answers);
  }
  return sent_first;
}

PeerWaits::Last PeerWaits::last_of(const Connection& before, const Exchange& now,
                                   const TcpSocket& socket) {
  const TcpCounts& counts = *socket.counts;
  const bool accepted = before.peer.first;
  const Last sent = accepted ? Last::answer : Last::request;
  const Last received = accepted ? Last::request : Last::answer;
  // Until there is data, the times are those of connecting, and nobody waits.
  if (now.requests == 0) return Last::answer;
  if (counts.last_sent_ms < counts.last_received_ms) return sent;
  if (counts.last_received_ms < counts.last_sent_ms) return received;
  // Within one tick. What came last acknowledges all that was sent before it.
  const bool unread = socket.unread_bytes > 0, unacked = socket.unacked_bytes > 0;
  if (unread != unacked) return unread ? received : sent;
  if (counts.last_ack_ms < counts.last_received_ms &&
      counts.last_received_ms - counts.last_ack_ms < kSurelyAck_ms)
    return sent;
  const uint32_t requests = now.requests - before.seen.requests;
  const uint32_t answers = now.answers - before.seen.answers;
  if (requests == 0 && answers == 0) return before.last;
  if (requests == 0) return Last::answer;
  if (answers == 0) return Last::request;
  // A single answer to what waited then: the request came after it. And the other way round.
  if (before.last == Last::request && answers == 1) return Last::request;
  if (before.last == Last::answer && requests == 1) return Last::answer;
  return Last::unsure;
}

PeerWaits::Connection& PeerWaits::connection_of(const TcpSocket& socket) {
  const auto at = connections_.find(socket.inode);
  if (at != connections_.end()) {
    Connection& known = at->second;
    if (known.local == socket.local && known.remote == socket.remote) return known;
    // Its number is another's by now, or it was connected anew.
    end_all(known, socket.at_ns, true);
    connections_.erase(at);
  }
  Connection& connection = connections_[socket.inode];
  connection.local = socket.local;
  connection.remote = socket.remote;
  const bool accepted =
      socket.state != TcpState::syn_sent && listened_ports_.contains(socket.local.port);
  connection.peer = {accepted, accepted ? TcpEnd{.port = socket.local.port} : socket.remote};
  return connection;
}

void PeerWaits::finish(const Connection& connection, bool connects, uint64_t from_ns,
                       uint64_t to_ns, bool cut_off) {
  if (to_ns < *window_ns_) return;
  Sums& sums = peers_[connection.peer];
  Waits& waits = connects ? sums.figures.connects : sums.figures.answers;
  const uint64_t length_ns = to_ns - std::min(from_ns, to_ns);
  ++waits.finished;
  waits.total_ns += length_ns;
  waits.longest_ns = std::max(waits.longest_ns, length_ns);
  waits.from_before += from_ns < *window_ns_;
  waits.cut_off += cut_off;
  sums.waits_ns.emplace_back(std::max(from_ns, *window_ns_), to_ns);
}

void PeerWaits::end_all(Connection& connection, uint64_t at_ns, bool cut_off) {
  if (connection.waits_since_ns)
    finish(connection, false, *connection.waits_since_ns, at_ns, cut_off);
  if (connection.connects_since_ns)
    finish(connection, true, *connection.connects_since_ns, at_ns, cut_off);
  connection.waits_since_ns = connection.connects_since_ns = std::nullopt;
}

void PeerWaits::follow(const TcpSocket& socket) {
  if (socket.state == TcpState::closed || socket.state == TcpState::listen) return;
  Connection& connection = connection_of(socket);
  connection.look = look_;
  if (socket.state == TcpState::syn_sent) {
    if (!connection.connects_since_ns) connection.connects_since_ns = socket.at_ns;
    return;
  }
  if (connection.connects_since_ns) end_all(connection, socket.at_ns, false);
  if (!socket.counts || connection.over) return;
  follow_exchange(connection, socket);
  connection.over = is_over(socket.state, connection.peer.first);
  if (connection.over) end_all(connection, socket.at_ns, true);
}

void PeerWaits::follow_exchange(Connection& connection, const TcpSocket& socket) {
  const Exchange now = exchange_of(socket, connection.peer.first);
  const Last last = last_of(connection, now, socket);
  const Exchange& was = connection.seen;
  const uint32_t requests = now.requests - was.requests, answers = now.answers - was.answers;
  if (connection.at_ns > 0 || now.request_ns > *window_ns_)
    peers_[connection.peer].figures.segments += requests;

  if (connection.waits_since_ns && (answers > 0 || last == Last::answer)) {
    // Which request the last answer was for is known where there was no other in between.
    const bool only_one = requests == 0 || (requests == 1 && last != Last::answer);
    finish(connection, false, *connection.waits_since_ns,
           std::max(only_one ? now.answer_ns : 0, connection.at_ns));
    connection.waits_since_ns = std::nullopt;
  } else if (connection.last == Last::unsure && requests == 0 && answers > 0) {
    finish(connection, false, was.request_ns, now.answer_ns);  // so it did wait
  }
  if (last == Last::answer && requests > 0)  // all of it since the look before
    finish(connection, false, now.request_ns, now.answer_ns);
  if (last == Last::unsure && (requests > 0 || answers > 0))
    ++peers_[connection.peer].figures.unsure;
  // A client that is still sending doesn't wait yet. What we send may be sent again, though.
  const bool sends_on = connection.peer.first && requests > 0;
  if (last == Last::request && (!connection.waits_since_ns || sends_on))
    connection.waits_since_ns = now.request_ns;
  connection.last = last;
  connection.seen = now;
  connection.at_ns = socket.at_ns;
}

// `gone`: what isn't there any more has been closed. Otherwise it may have been left out.
void PeerWaits::drop_missing(bool gone, uint64_t at_ns) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    Connection& connection = at->second;
    const bool missing = connection.look != look_;
    if (missing && gone) end_all(connection, at_ns, true);
    at = missing ? connections_.erase(at) : std::next(at);
  }
}

void PeerWaits::add(const ProcessSockets& sockets, uint64_t at_ns) {
  if (!sockets.known) return;
  if (!window_ns_) window_ns_ = at_ns;
  at_ns_ = at_ns;
  ++look_;
  // Whoever stops listening still has the connections that were accepted.
  listened_ports_.insert(sockets.listened_ports.begin(), sockets.listened_ports.end());
  for (const TcpSocket& socket : sockets.connections) follow(socket);
  drop_missing(sockets.complete, at_ns);
}

void PeerWaits::count_going_on(const Connection& connection) {
  Sums& sums = peers_[connection.peer];
  ++sums.figures.connections;
  const auto count = [&](const std::optional<uint64_t>& since_ns, Waits& waits) {
    if (!since_ns) return;
    const bool stands = *since_ns < *window_ns_;
    uint64_t& first_ns = stands ? waits.standing_since_ns : waits.since_ns;
    first_ns = first_ns == 0 ? *since_ns : std::min(first_ns, *since_ns);
    ++(stands ? waits.standing : waits.going_on);
    if (!stands) sums.waits_ns.emplace_back(*since_ns, at_ns_);
  };
  count(connection.waits_since_ns, sums.figures.answers);
  count(connection.connects_since_ns, sums.figures.connects);
}

std::vector<PeerFigures> PeerWaits::take() {
  for (const auto& [inode, connection] : connections_) count_going_on(connection);
  std::vector<PeerFigures> all;
  for (auto& [peer, sums] : peers_) {
    PeerFigures& figures = all.emplace_back(sums.figures);
    figures.accepted = peer.first;
    figures.end = peer.second;
    figures.covered_ns = union_of(sums.waits_ns);
  }
  std::stable_sort(all.begin(), all.end(), [](const PeerFigures& one, const PeerFigures& other) {
    return one.covered_ns > other.covered_ns;
  });
  peers_.clear();
  window_ns_ = at_ns_;
  return all;
}

}  // namespace timeslice::model
