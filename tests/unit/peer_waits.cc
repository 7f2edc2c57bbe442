// SPDX-License-Identifier: MIT
// Do looks at connections become the waits that there were? Made-up connections send and receive at
// moments of which the test knows the truth, and are looked at every 100 ms. Their times have a
// tick of 4 ms, as a kernel's have.
#include "model/peer_waits.h"

#include <algorithm>
#include <functional>

#include "tests/catch.h"

namespace timeslice::model {

namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kStart = 10'000'000 * kMs;
constexpr uint64_t kTick = 4;
constexpr uint16_t kListened = 3000;

uint64_t ns_at(uint64_t ms) { return kStart + ms * kMs; }

TcpEnd end_at(uint8_t host, uint16_t port) { return {.address = {10, 0, 0, host}, .port = port}; }

// A connection as the kernel keeps it; moments are ms from the start, and may be before it.
struct MadeUp {
  explicit MadeUp(uint16_t local_port = 50'000, TcpEnd remote = end_at(7, 5432)) {
    static uint64_t inodes = 0;
    socket.inode = ++inodes;
    socket.state = TcpState::established;
    socket.local = end_at(1, local_port);
    socket.remote = remote;
  }
  void send(int64_t ms) { note(sent_ms = ms, sent); }
  // Data acknowledges what was sent before it.
  void receive(int64_t ms) { note(received_ms = acked_ms = ms, received); }
  void acknowledge(int64_t ms) { acked_ms = ms; }
  void note(int64_t, uint32_t& segments) { ++segments; }

  [[nodiscard]] TcpSocket look(uint64_t ms) const {
    TcpSocket seen = socket;
    seen.at_ns = ns_at(ms);
    const auto age = [&](int64_t at) {
      const auto ticks = [](int64_t moment) { return (moment + 1'000'000) / int64_t{kTick}; };
      return static_cast<uint32_t>((ticks(static_cast<int64_t>(ms)) - ticks(at)) * int64_t{kTick});
    };
    if (has_counts)
      seen.counts = TcpCounts{.last_sent_ms = age(sent_ms),
                              .last_received_ms = age(received_ms),
                              .last_ack_ms = age(acked_ms),
                              .bytes_sent = sent * 100,
                              .bytes_received = received * 100,
                              .segments_sent = sent,
                              .segments_received = received};
    return seen;
  }

  TcpSocket socket;
  bool has_counts = true;
  int64_t sent_ms = -1000, received_ms = -1000, acked_ms = -1000;  // as when it was connected
  uint32_t sent = 0, received = 0;
};

// One process, looked at until a moment.
struct Looking {
  std::vector<const MadeUp*> connections;
  std::vector<uint16_t> listened = {kListened};
  bool complete = true;
  uint64_t next_ms = 0;
  PeerWaits waits;

  void look() {
    ProcessSockets sockets{.known = true, .complete = complete, .listened_ports = listened};
    for (const MadeUp* connection : connections)
      sockets.connections.push_back(connection->look(next_ms));
    waits.add(sockets, ns_at(next_ms));
    next_ms += 100;
  }
  // The looks before this moment.
  void until(uint64_t ms) {
    while (next_ms < ms) look();
  }
  PeerFigures only() {
    const std::vector<PeerFigures> all = waits.take();
    REQUIRE(all.size() == 1);
    return all.front();
  }
};

bool is_about(uint64_t ns, uint64_t ms) {
  return ns + kTick * kMs >= ms * kMs && ns <= (ms + kTick) * kMs;
}

bool is_silent(const Waits& waits) {
  return waits.finished == 0 && waits.going_on == 0 && waits.standing == 0;
}

}  // namespace

TEST_CASE("a request that is answered 300 ms later is a wait of 300 ms") {
  MadeUp database;
  Looking looking{{&database}};
  looking.until(130);
  database.send(130);
  looking.until(430);
  database.receive(430);
  looking.until(1000);
  const PeerFigures figures = looking.only();
  CHECK(!figures.accepted);
  CHECK(figures.end == end_at(7, 5432));
  CHECK(figures.connections == 1);
  CHECK(figures.segments == 1);
  CHECK(figures.answers.finished == 1);
  CHECK(is_about(figures.answers.total_ns, 300));
  CHECK(figures.answers.longest_ns == figures.answers.total_ns);
  CHECK(figures.covered_ns == figures.answers.total_ns);
  CHECK(figures.answers.from_before == 0);
  CHECK(figures.answers.cut_off == 0);
  CHECK(figures.answers.going_on == 0);
  CHECK(figures.answers.standing == 0);
  CHECK(figures.unsure == 0);
}

TEST_CASE("an exchange between two looks has its times, and an acknowledgement is no answer") {
  MadeUp quick, acknowledged(50'001);
  Looking looking{{&quick, &acknowledged}};
  looking.until(130);
  quick.send(130);
  quick.receive(150);
  looking.until(210);
  CHECK(is_about(looking.only().answers.longest_ns, 20));
  acknowledged.send(210);
  acknowledged.acknowledge(250);
  looking.until(500);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.finished == 0);
  CHECK(figures.answers.going_on == 1);
  CHECK(is_about(figures.answers.since_ns - kStart, 210));
}

TEST_CASE("a keep-alive connection that is idle is no wait, one that never said anything neither") {
  MadeUp idle, silent(50'001), greeted(50'002);
  idle.send(-300);
  idle.receive(-200);
  silent.sent_ms = -996;  // the tick may change while it connects
  greeted.receive(-100);  // as a mail server's
  Looking looking{{&idle, &silent, &greeted}};
  looking.until(1000);
  const PeerFigures figures = looking.only();
  CHECK(figures.connections == 3);
  CHECK(is_silent(figures.answers));
  CHECK(figures.covered_ns == 0);
  CHECK(figures.segments == 0);
  idle.acknowledge(1030);  // a keep-alive probe's
  looking.until(2000);
  CHECK(is_silent(looking.only().answers));
}

TEST_CASE("a wait that began before the window stands apart, one that began in it doesn't") {
  MadeUp poll, request(50'001);
  poll.send(-20);
  Looking looking{{&poll, &request}};
  looking.until(130);
  request.send(130);
  looking.until(1000);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.standing == 1);
  CHECK(is_about(kStart - figures.answers.standing_since_ns, 20));
  CHECK(figures.answers.going_on == 1);
  CHECK(is_about(figures.answers.since_ns - kStart, 130));
  CHECK(is_about(figures.covered_ns, 770));
  // In the next window both stand.
  looking.until(1200);
  const PeerFigures next = looking.only();
  CHECK(next.answers.standing == 2);
  CHECK(next.answers.going_on == 0);
  CHECK(next.covered_ns == 0);
}

TEST_CASE("a wait from before the window that ends in it counts whole, and as such") {
  MadeUp poll;
  poll.send(-500);
  Looking looking{{&poll}};
  looking.until(330);
  poll.receive(330);
  looking.until(600);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.finished == 1);
  CHECK(figures.answers.from_before == 1);
  CHECK(figures.answers.standing == 0);
  CHECK(is_about(figures.answers.total_ns, 830));
  CHECK(is_about(figures.covered_ns, 330));
}

TEST_CASE("of a port that is listened on, it is the client that waits") {
  MadeUp client(kListened, end_at(9, 40'000)), other(kListened, end_at(9, 40'001));
  MadeUp outgoing(kListened + 1, end_at(9, 40'002));
  Looking looking{{&client, &other, &outgoing}};
  looking.until(130);
  for (MadeUp* connection : {&client, &other, &outgoing}) connection->receive(130);
  looking.until(430);
  for (MadeUp* connection : {&client, &other, &outgoing}) connection->send(430);
  looking.until(600);
  std::vector<PeerFigures> all = looking.waits.take();
  REQUIRE(all.size() == 2);
  CHECK(all[0].accepted);
  CHECK(all[0].end == TcpEnd{.port = kListened});
  CHECK(all[0].connections == 2);
  CHECK(all[0].answers.finished == 2);
  CHECK(is_about(all[0].answers.longest_ns, 300));
  CHECK(is_about(all[0].covered_ns, 300));  // both at once
  CHECK(!all[1].accepted);
  CHECK(all[1].answers.finished == 0);
  CHECK(all[1].answers.going_on == 1);  // it asks last
}

TEST_CASE("a client that is still sending doesn't wait yet, and a retransmission changes nothing") {
  MadeUp client(kListened, end_at(9, 40'000)), outgoing;
  Looking looking{{&client, &outgoing}};
  looking.until(110);
  for (int64_t ms = 110; ms < 900; ms += 50) {
    client.receive(ms);
    outgoing.send(ms);
    looking.until(static_cast<uint64_t>(ms) + 50);
  }
  const std::vector<PeerFigures> all = looking.waits.take();
  REQUIRE(all.size() == 2);
  CHECK(!all[0].accepted);
  CHECK(all[0].answers.since_ns <= ns_at(210));
  CHECK(all[1].accepted);
  CHECK(all[1].answers.since_ns >= ns_at(800));
}

TEST_CASE("who stops listening still has accepted connections") {
  MadeUp client(kListened, end_at(9, 40'000));
  client.receive(-50);
  client.send(-20);
  Looking looking{{&client}};
  looking.until(200);
  looking.listened.clear();
  MadeUp later(kListened, end_at(9, 40'001));
  later.receive(210);
  later.send(220);
  looking.connections.push_back(&later);
  looking.until(500);
  const PeerFigures figures = looking.only();
  CHECK(figures.accepted);
  CHECK(figures.answers.going_on == 0);
  CHECK(figures.answers.standing == 0);
}

TEST_CASE("answers that bring the next request at once are waits one after the other") {
  // The answer and the request after it are in one tick each time.
  for (const bool is_acknowledged : {true, false}) {
    CAPTURE(is_acknowledged);
    MadeUp chain;
    Looking looking{{&chain}};
    looking.until(20);
    chain.send(20);
    for (int64_t ms = 320; ms < 2000; ms += 300) {
      looking.until(static_cast<uint64_t>(ms));
      chain.receive(ms);
      chain.send(ms);
      if (is_acknowledged) chain.acknowledge(ms + 40);
    }
    looking.until(2000);
    const PeerFigures figures = looking.only();
    CHECK(figures.answers.finished == 6);
    CHECK(is_about(figures.answers.longest_ns, 300));
    CHECK(figures.answers.going_on == 1);
    CHECK(is_about(figures.answers.since_ns - kStart, 1820));
    CHECK(figures.unsure == 0);
  }
}

TEST_CASE("an answer within the tick of its request is no wait, neither then nor later") {
  MadeUp quick;
  Looking looking{{&quick}};
  for (int64_t ms = 120; ms < 1000; ms += 300) {
    looking.until(static_cast<uint64_t>(ms));
    quick.send(ms);
    quick.receive(ms);
  }
  looking.until(3000);
  quick.acknowledge(3000);  // keep-alive
  looking.until(6000);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.finished == 3);
  CHECK(figures.answers.longest_ns == 0);
  CHECK(figures.answers.going_on == 0);
  CHECK(figures.unsure == 0);
}

TEST_CASE("within one tick, what is unread or unacknowledged tells who spoke last") {
  for (const bool is_unread : {true, false}) {
    MadeUp busy;
    for (int times = 0; times < 3; ++times) {
      busy.send(104);
      busy.receive(104);
    }
    (is_unread ? busy.socket.unread_bytes : busy.socket.unacked_bytes) = 1;
    Looking looking;
    looking.until(110);
    looking.connections = {&busy};
    looking.until(300);
    const PeerFigures figures = looking.only();
    CHECK(figures.answers.going_on == (is_unread ? 0 : 1));
    CHECK(figures.answers.finished == (is_unread ? 1 : 0));
    CHECK(figures.unsure == 0);
  }
}

TEST_CASE("a request in the tick of connecting waits, where nothing has ever been received") {
  MadeUp database;
  database.send(104);
  database.received_ms = database.acked_ms = 104;
  Looking looking;
  looking.until(110);
  looking.connections = {&database};
  looking.until(300);
  CHECK(looking.only().answers.going_on == 1);
}

TEST_CASE("who spoke last in a busy tick isn't known; what comes next may tell that it waited") {
  MadeUp busy;
  Looking looking{{&busy}};
  looking.until(130);
  for (int times = 0; times < 3; ++times) {
    busy.send(130);
    busy.receive(130);
  }
  looking.until(300);
  const PeerFigures figures = looking.only();
  CHECK(figures.unsure == 1);
  CHECK(figures.answers.going_on == 0);
  CHECK(figures.segments == 3);
  looking.until(430);
  busy.receive(430);  // without having been asked since
  looking.until(600);
  const PeerFigures next = looking.only();
  CHECK(next.unsure == 0);
  CHECK(next.answers.finished == 1);
  CHECK(is_about(next.answers.longest_ns, 300));
}

TEST_CASE("several exchanges between two looks don't make a wait longer than it surely was") {
  MadeUp database;
  Looking looking{{&database}};
  looking.until(110);
  database.send(110);
  looking.until(210);  // it waits at 200
  database.receive(215);
  database.send(220);
  database.receive(240);
  database.send(250);
  database.receive(290);
  looking.until(500);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.finished == 2);
  CHECK(is_about(figures.answers.longest_ns, 90));
  CHECK(is_about(figures.answers.total_ns, 90 + 40));
  CHECK(figures.segments == 3);
}

TEST_CASE("a connect that doesn't get through is a wait of its own, until it does or is given up") {
  MadeUp slow, hopeless(50'001), from_before(50'002);
  slow.socket.state = hopeless.socket.state = from_before.socket.state = TcpState::syn_sent;
  Looking looking{{&from_before}};
  looking.until(100);
  looking.connections = {&from_before, &slow, &hopeless};
  looking.until(500);
  PeerFigures figures = looking.only();
  CHECK(is_silent(figures.answers));
  CHECK(figures.connects.going_on == 3);
  CHECK(figures.connects.standing == 0);  // when it began isn't kept
  slow.socket.state = TcpState::established;
  looking.connections = {&slow, &from_before};
  looking.until(700);
  figures = looking.only();
  CHECK(is_silent(figures.answers));
  CHECK(figures.connects.finished == 2);
  CHECK(figures.connects.cut_off == 1);
  CHECK(is_about(figures.connects.longest_ns, 400));
  CHECK(figures.connects.standing == 1);
}

TEST_CASE("peers are told apart by address and port, the longest waited for first") {
  MadeUp one, same(50'001), port(50'002, end_at(7, 6379)), host(50'003, end_at(8, 5432));
  Looking looking{{&one, &same, &port, &host}};
  looking.until(110);
  for (MadeUp* connection : {&one, &same}) connection->send(110);
  port.send(120);
  looking.until(250);
  one.receive(250);
  looking.until(300);
  port.receive(300);
  looking.until(400);
  const std::vector<PeerFigures> all = looking.waits.take();
  REQUIRE(all.size() == 3);
  CHECK(all[0].end == end_at(7, 5432));
  CHECK(all[0].connections == 2);
  CHECK(all[0].answers.finished == 1);
  CHECK(all[0].answers.going_on == 1);
  CHECK(all[1].end == end_at(7, 6379));
  CHECK(is_about(all[1].answers.total_ns, 180));
  CHECK(all[2].end == end_at(8, 5432));
}

TEST_CASE("waits at the same time cover it once, and the oldest that goes on is told") {
  MadeUp longest, within, later, older, newer;
  Looking looking{{&longest, &within, &later, &older, &newer}};
  looking.until(110);
  longest.send(110);
  within.send(150);
  looking.until(250);
  within.receive(250);
  looking.until(420);
  later.send(420);
  looking.until(450);
  longest.receive(450);
  looking.until(510);
  later.receive(510);
  looking.until(610);
  older.send(610);
  looking.until(650);
  newer.send(650);
  looking.until(810);
  const PeerFigures figures = looking.only();
  CHECK(is_about(figures.answers.total_ns, 340 + 100 + 90));
  CHECK(is_about(figures.answers.longest_ns, 340));
  CHECK(is_about(figures.answers.since_ns - kStart, 610));
  CHECK(figures.answers.going_on == 2);
  CHECK(is_about(figures.covered_ns, 400 + 190));
}

TEST_CASE("a wait ends with its connection, unless that was only left out") {
  for (const bool complete : {true, false}) {
    MadeUp database;
    Looking looking{{&database}};
    looking.until(110);
    database.send(110);
    looking.until(300);
    looking.connections.clear();
    looking.complete = complete;
    looking.until(500);
    const std::vector<PeerFigures> all = looking.waits.take();
    REQUIRE(all.size() == 1);
    CHECK(all[0].connections == 0);
    CHECK(all[0].answers.finished == (complete ? 1 : 0));
    CHECK(all[0].answers.cut_off == (complete ? 1 : 0));
    CHECK(all[0].answers.going_on == 0);
    if (complete) CHECK(is_about(all[0].answers.total_ns, 190));
  }
}

TEST_CASE("a look that fails says nothing") {
  MadeUp database;
  Looking looking{{&database}};
  CHECK(looking.waits.take().empty());
  looking.until(110);
  database.send(110);
  looking.until(300);
  looking.waits.add(ProcessSockets(), ns_at(300));
  CHECK(looking.only().answers.going_on == 1);
}

TEST_CASE("who has closed the connection won't answer; who has closed our direction may") {
  MadeUp closed, half_closed(50'001), client(kListened, end_at(9, 1)),
      half_closed_client(kListened, end_at(9, 2));
  Looking looking{{&closed, &half_closed, &client, &half_closed_client}};
  looking.until(110);
  closed.send(110);
  half_closed.send(150);
  client.receive(110);
  half_closed_client.receive(150);
  looking.until(300);
  closed.socket.state = half_closed_client.socket.state = TcpState::close_wait;
  half_closed.socket.state = client.socket.state = TcpState::fin_wait2;
  looking.until(800);
  for (const PeerFigures& figures : looking.waits.take()) {
    CHECK(figures.connections == 2);
    CHECK(figures.answers.going_on == 1);
    CHECK(is_about(figures.answers.since_ns - kStart, 150));
    CHECK(figures.answers.finished == 1);
    CHECK(figures.answers.cut_off == 1);
    CHECK(is_about(figures.answers.total_ns, 190));
  }
}

TEST_CASE("an answer that comes together with the end of its connection is an answer") {
  MadeUp database;
  Looking looking{{&database}};
  looking.until(110);
  database.send(110);
  looking.until(250);
  database.receive(250);
  database.socket.state = TcpState::close_wait;
  looking.until(800);
  const PeerFigures figures = looking.only();
  CHECK(figures.answers.finished == 1);
  CHECK(figures.answers.cut_off == 0);
  CHECK(is_about(figures.answers.total_ns, 140));
}

TEST_CASE("without times there are connections and connects") {
  MadeUp database, connecting(50'001);
  database.has_counts = connecting.has_counts = false;
  connecting.socket.state = TcpState::syn_sent;
  Looking looking{{&database, &connecting}};
  looking.until(300);
  const PeerFigures figures = looking.only();
  CHECK(figures.connections == 2);
  CHECK(is_silent(figures.answers));
  CHECK(figures.connects.going_on == 1);
}

TEST_CASE("a number that has gone to another connection ends the one before") {
  MadeUp database, other(50'001, end_at(8, 80));
  other.socket.inode = database.socket.inode;
  Looking looking{{&database}};
  looking.until(110);
  database.send(110);
  looking.until(300);
  looking.connections = {&other};
  looking.until(500);
  const std::vector<PeerFigures> all = looking.waits.take();
  REQUIRE(all.size() == 2);
  CHECK(all[0].end == end_at(7, 5432));
  CHECK(all[0].answers.cut_off == 1);
  CHECK(all[0].answers.going_on == 0);
  CHECK(is_silent(all[1].answers));
}

}  // namespace timeslice::model
