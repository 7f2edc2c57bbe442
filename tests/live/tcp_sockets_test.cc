// SPDX-License-Identifier: MIT
// Is what we say of a live process's connections what it did? Nothing is attached to it. A node
// that makes requests measures them itself.
#include "observe/tcp_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/clock.h"
#include "model/peer_waits.h"
#include "observe/open_sockets.h"
#include "tests/catch.h"
#include "tests/live/few_rights.h"
#include "tests/live/processes.h"
#include "tests/live/top_json.h"

namespace timeslice::live {

namespace {

std::string why_no_node() {
  return run({"node", "--version"}).status == 0 ? "" : "no node in PATH";
}

// Servers that answer after 300 ms, at once, and never.
const char* const kBackend = R"(
const net = require('net');
const ports = {};
const serve = (name, answer) => {
  const server = net.createServer((socket) => {
    socket.on('data', () => answer(socket)).on('error', () => {});
  });
  server.listen(0, '127.0.0.1', () => {
    ports[name] = server.address().port;
    if (Object.keys(ports).length === 4) console.log(JSON.stringify(ports));
  });
};
serve('slow', (socket) => setTimeout(() => socket.write('late'), 300));
serve('quick', (socket) => socket.write('soon'));
serve('kept', (socket) => socket.write('once'));
serve('silent', () => {});
process.stdin.resume();
)";

// Has one long poll and one idle connection. From the first line of stdin on it asks two servers
// again and again, and answers the second with the longest that each took, in ms.
const char* const kApp = R"(
const net = require('net');
const ports = JSON.parse(process.env.PORTS);
const longest = { slow: 0, quick: 0 };
const now = () => performance.now();
const ask = (name, pause) => {
  let since;
  const request = () => { since = now(); socket.write('please'); };
  const socket = net.connect(ports[name], '127.0.0.1', request).setNoDelay().on('data', () => {
    longest[name] = Math.max(longest[name], now() - since);
    setTimeout(request, pause);
  });
};
net.connect(ports.silent, '127.0.0.1', function () {
  this.write('poll');
  net.connect(ports.kept, '127.0.0.1', function () {
    this.write('once');
    this.on('data', () => console.log('{}'));
  });
});
let lines = 0;
process.stdin.on('data', () => {
  if (++lines > 1) return console.log(JSON.stringify(longest));
  ask('slow', 0);
  ask('quick', 20);
});
)";

Json answer_of(Command& command) {
  const auto line = command.line();
  REQUIRE(line);
  return Json::parse(*line);
}

uint32_t tgid_of(const Command& command) { return static_cast<uint32_t>(command.pid()); }

const model::PeerFigures* figures_of(const std::vector<model::PeerFigures>& all, bool accepted,
                                     uint16_t port) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const model::PeerFigures& figures) {
    return figures.accepted == accepted && figures.end.port == port;
  });
  return at == all.end() ? nullptr : &*at;
}

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

std::vector<std::string> texts_of(const std::vector<TcpEnd>& ends) {
  std::vector<std::string> texts;
  for (const TcpEnd& end : ends) texts.push_back(text_of(end));
  return texts;
}

// Of 127.0.0.1, on any port that is free.
struct Listener {
  explicit Listener(int backlog) : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(fd.get(), as_any(), size) != 0 || listen(fd.get(), backlog) != 0 ||
        getsockname(fd.get(), as_any(), &size) != 0)
      throw std::runtime_error("the test can't listen");
  }
  UniqueFd connect_to(int flags = 0) {
    UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (::connect(client.get(), as_any(), sizeof(address)) != 0 && flags == 0)
      throw std::runtime_error("the test can't connect");
    return client;
  }
  sockaddr* as_any() { return reinterpret_cast<sockaddr*>(&address); }
  [[nodiscard]] uint16_t port() const { return ntohs(address.sin_port); }

  UniqueFd fd;
  sockaddr_in address{};
};

const TcpSocket* from_port(const ProcessSockets& sockets, uint16_t port) {
  for (const TcpSocket& socket : sockets.connections)
    if (socket.local.port == port) return &socket;
  return nullptr;
}

uint32_t own_tgid() { return static_cast<uint32_t>(getpid()); }

}  // namespace

TEST_CASE(
    "a node's requests are waits as long as it says itself; what is idle or long polls isn't") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Command backend({"node", "-e", kBackend});
  const Json ports = answer_of(backend);
  Command app({"node", "-e", kApp}, [&] { setenv("PORTS", ports.dump().c_str(), 1); });
  answer_of(app);
  observe::TcpSockets sockets;
  model::PeerWaits waits, served;
  uint64_t next_ns = monotonic_ns();
  const auto look = [&] {
    if (monotonic_ns() < next_ns) return;
    next_ns = monotonic_ns() + 100'000'000;
    const auto& seen = sockets.read({tgid_of(app), tgid_of(backend)});
    waits.add(seen[0], monotonic_ns());
    served.add(seen[1], monotonic_ns());
  };
  look();
  app.send("begin\n");
  // Its own figures are as of later than the last look, whenever that is.
  std::vector<model::PeerFigures> all, clients;
  uint64_t longest_slow = 0, longest_quick = 0, longest_served = 0, standing = 0;
  REQUIRE(until([&] {
    look();
    const auto port = [&](const char* name) { return ports[name].get<uint16_t>(); };
    all = waits.take();
    clients = served.take();
    const auto* silent = figures_of(all, false, port("silent"));
    const auto* kept = figures_of(all, false, port("kept"));
    REQUIRE((silent && kept));
    CHECK(silent->answers.going_on + silent->answers.finished == 0);
    CHECK(silent->answers.standing == 1);
    CHECK(kept->connections == 1);
    CHECK(kept->answers.standing + kept->answers.going_on + kept->answers.finished == 0);
    CHECK(kept->unsure == 0);
    if (const auto* slow = figures_of(all, false, port("slow")))
      longest_slow = std::max(longest_slow, slow->answers.longest_ns);
    if (const auto* quick = figures_of(all, false, port("quick")))
      longest_quick = std::max(longest_quick, quick->answers.longest_ns);
    if (const auto* slow = figures_of(clients, true, port("slow")))
      longest_served = std::max(longest_served, slow->answers.longest_ns);
    return ++standing > 10 && ms(longest_slow) > 290 && ms(longest_served) > 290;
  }));
  app.send("end\n");
  const Json truth = answer_of(app);
  const double tick_ms = 10;  // the longest that a kernel has
  CHECK(ms(longest_slow) < truth["slow"].get<double>() + 2 * tick_ms);
  CHECK(ms(longest_quick) < truth["quick"].get<double>() + 2 * tick_ms);
}

TEST_CASE("where a process listens is told by address, whatever it is that listens") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory directory;
  Command node({"node", "-e", R"(
const net = require('net');
const any = net.createServer().listen(0, '0.0.0.0', () => {
  const { port } = any.address();
  const own = net.createServer().listen(0, '127.0.0.1', () => {
    const six = net.createServer().listen(0, '::1', () => {
      net.createServer().listen(process.argv[1], () => {
        console.log(JSON.stringify([port, own.address().port, six.address().port]));
      });
    });
    six.on('error', () => net.createServer().listen(process.argv[1], () => {
      console.log(JSON.stringify([port, own.address().port]));
    }));
  });
});
)",
                directory.path() + "/a socket"});
  const Json ports = answer_of(node);
  std::vector<std::string> expected = {"0.0.0.0:" + std::to_string(ports[0].get<int>()),
                                       "127.0.0.1:" + std::to_string(ports[1].get<int>())};
  if (ports.size() > 2) expected.push_back("[::1]:" + std::to_string(ports[2].get<int>()));
  observe::TcpSockets sockets;
  const ProcessSockets seen = sockets.read({tgid_of(node)}).front();
  CHECK(seen.known);
  CHECK(seen.complete);
  std::vector<std::string> texts = texts_of(seen.listening);
  std::sort(texts.begin(), texts.end());
  CHECK(texts == expected);
  CHECK(seen.unix_listening == std::vector<std::string>{directory.path() + "/a socket"});
  CHECK(seen.connections.empty());
}

TEST_CASE("a cluster's worker doesn't listen; its connections are accepted ones all the same") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory directory;
  std::ofstream(directory.path() + "/cluster.js") << R"(
const cluster = require('cluster');
const net = require('net');
cluster.schedulingPolicy = cluster.SCHED_RR;
if (cluster.isPrimary) {
  cluster.fork().on('message', (told) => {
    if (told.port) net.connect(told.port, '127.0.0.1');
    else console.log(JSON.stringify(told));
  });
} else {
  const server = net.createServer((socket) => {
    process.send({ worker: process.pid, at: server.address().port });
  }).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}
)";
  Command cluster({"node", directory.path() + "/cluster.js"});
  const Json told = answer_of(cluster);
  const auto worker = told["worker"].get<uint32_t>(), primary = tgid_of(cluster);
  observe::TcpSockets sockets;
  const std::vector<ProcessSockets>& seen = sockets.read({worker, primary, worker});
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].tgid == worker);
  CHECK(seen[0].listening.empty());
  CHECK(seen[0].connections.size() == 1);
  CHECK(seen[2].connections.size() == 1);
  CHECK(texts_of(seen[1].listening) ==
        std::vector<std::string>{"127.0.0.1:" + std::to_string(told["at"].get<int>())});
  model::PeerWaits waits;
  waits.add(seen[0], monotonic_ns());
  const auto figures = waits.take();
  REQUIRE(figures.size() == 1);
  CHECK(figures[0].accepted);
  CHECK(figures[0].end.port == told["at"].get<int>());
}

TEST_CASE("our own connections have what was sent, and what nobody has read yet") {
  Listener listener(4);
  observe::TcpSockets sockets;
  CHECK(from_port(sockets.read({own_tgid()}).front(), listener.port()) == nullptr);
  const UniqueFd client = listener.connect_to();
  const UniqueFd server(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(send(client.get(), "hello", 5, 0) == 5);
  // A connection that has come since the read before is found as well.
  TcpSocket accepted, outgoing;
  REQUIRE(until([&] {
    const ProcessSockets& seen = sockets.read({own_tgid()}).front();
    const TcpSocket* found = from_port(seen, listener.port());
    if (found == nullptr || !found->counts || found->unread_bytes < 5) return false;
    accepted = *found;
    const TcpSocket* other = from_port(seen, accepted.remote.port);
    if (other == nullptr || other->unacked_bytes > 0) return false;
    outgoing = *other;
    return true;
  }));
  CHECK(text_of(accepted.local) == "127.0.0.1:" + std::to_string(listener.port()));
  CHECK(accepted.state == TcpState::established);
  CHECK(accepted.counts->bytes_received == 5);
  CHECK(accepted.counts->segments_received == 1);
  CHECK(accepted.counts->bytes_sent == 0);
  CHECK(outgoing.remote == accepted.local);
  CHECK(outgoing.counts->bytes_sent == 5);
  CHECK(outgoing.unread_bytes == 0);
}

TEST_CASE("a connect that nobody accepts is seen") {
  Listener listener(0);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(listener.connect_to(SOCK_NONBLOCK));
  observe::TcpSockets sockets;
  model::PeerWaits waits;
  REQUIRE(until([&] {
    waits.add(sockets.read({own_tgid()}).front(), monotonic_ns());
    const auto all = waits.take();
    const auto* figures = figures_of(all, false, listener.port());
    return figures != nullptr && figures->connects.going_on + figures->connects.standing > 0;
  }));
}

TEST_CASE("of a process in another network namespace, all but the times is known") {
  Pipe report;
  const Child child([&] {
    const Listener before(4);  // ours, which it has taken along
    if (unshare(CLONE_NEWNET) != 0) return;
    ifreq loopback{};
    strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    const UniqueFd any(socket(AF_INET, SOCK_DGRAM, 0));
    if (ioctl(any.get(), SIOCSIFFLAGS, &loopback) != 0) return;
    Listener after(4);
    const UniqueFd client = after.connect_to();
    const std::array<uint16_t, 2> ports = {before.port(), after.port()};
    if (write(report.in.get(), ports.data(), sizeof(ports)) != sizeof(ports)) return;
    pause();
  });
  report.in = UniqueFd();
  std::array<uint16_t, 2> ports{};
  if (!read_fully(report.out.get(), ports.data(), sizeof(ports)))
    SKIP_TEST("no network namespace can be made here");
  observe::TcpSockets sockets;
  const ProcessSockets seen = sockets.read({static_cast<uint32_t>(child.pid())}).front();
  CHECK(seen.known);
  CHECK(seen.complete);
  std::set<uint16_t> listening;
  for (const TcpEnd& end : seen.listening) listening.insert(end.port);
  CHECK(listening == std::set<uint16_t>(ports.begin(), ports.end()));
  REQUIRE(seen.connections.size() == 1);  // the other end isn't accepted yet
  CHECK(seen.connections[0].remote.port == ports[1]);
  CHECK(seen.connections[0].state == TcpState::established);
  CHECK(!seen.connections[0].counts);
}

TEST_CASE("without privileges one's own processes are known, and others' are absent") {
  if (geteuid() != 0) SKIP_TEST("only root can become somebody else");
  const uint32_t parent = own_tgid();
  Child child([&] {
    become_nobody();
    observe::TcpSockets sockets;
    const Command own({"cat"});  // once it runs, it is nobody's as well
    const bool right = until([&] {
      const auto& seen = sockets.read({tgid_of(own), parent, 0x7ffffff0});
      return seen[0].known && !seen[1].known && seen[1].connections.empty() &&
             seen[1].listening.empty() && !seen[2].known;
    });
    if (!right) _exit(1);
  });
  CHECK(child.wait() == 0);
}

TEST_CASE("of a process with very many descriptors only so many are read") {
  const Listener one(1), another(1);
  const observe::OpenSockets all = observe::open_sockets(own_tgid(), 100'000);
  CHECK(all.complete);
  CHECK(all.inodes.size() >= 2);
  const observe::OpenSockets few = observe::open_sockets(own_tgid(), 3);
  CHECK(few.known);
  CHECK(!few.complete);
  CHECK(few.inodes.size() <= 3);
}

}  // namespace timeslice::live
