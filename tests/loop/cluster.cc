// SPDX-License-Identifier: MIT
// Does a cluster serve with all its workers, lose nothing but a dead worker's own requests, find
// those that hang, wait longer after each failure, and replace them all without a refused client?
// Each manager is a process of its own: signals, limits and forks there disturb no other test.
#include "loop/cluster/cluster.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <list>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/failure.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

using Catch::Matchers::Contains;

template <typename Condition>
bool await(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Memory that a test shares with all processes it starts.
template <typename T>
class Shared {
 public:
  Shared()
      : place_(
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (place_ == MAP_FAILED) std::abort();
    new (place_) T();
  }
  ~Shared() { ::munmap(place_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() const { return static_cast<T*>(place_); }
  T& operator*() const { return *static_cast<T*>(place_); }

 private:
  void* place_;
};

// For a worker that will complain on stderr, as it should.
void be_silent() { ::dup2(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)).get(), STDERR_FILENO); }

// --- The worker: a server of one-line requests ---
//   who     "SLOT PID", and closes
//   keep    the same, and waits for the next line
//   hold    no answer until the worker drains
//   stay    no answer; the worker can't end before the client has gone
//   block   the loop is stuck forever
class LineServer {
 public:
  LineServer(WorkerLink& link, BackendKind backend)
      : link_(link), listener_(link.take_listener()), loop_({.backend = backend}) {
    link.attach(loop_, {.on_connection = [this](UniqueFd fd) { serve(std::move(fd)); },
                        .on_drain = [this] { drain(); },
                        .on_message = [this](const std::string& text) { message(text); },
                        .on_hurry = {}});
    if (listener_) accept();
  }
  int run() {
    link_.ready();
    loop_.run();
    return 0;
  }
  Loop& loop() { return loop_; }

 private:
  struct Client {
    UniqueFd fd;
    Request request;
    std::array<char, 64> in{};
    std::string out;
    bool held = false;
  };

  void accept() {
    loop_.accept(accepting_, listener_.get(), [this](Request& request) {
      if (request.result() >= 0) serve(UniqueFd(request.result()));
      if (link_.draining()) return loop_.close_now(listener_.release());
      accept();
    });
  }
  void serve(UniqueFd fd) {
    clients_.emplace_back();
    Client& client = clients_.back();
    client.fd = std::move(fd);
    receive(client);
  }
  void receive(Client& client) {
    loop_.recv(client.request, client.fd.get(), client.in.data(), client.in.size(),
               [this, &client](Request& request) {
                 if (request.result() <= 0) return end(client);
                 answer(client, {client.in.data(), static_cast<std::size_t>(request.result())});
               });
  }
  void answer(Client& client, const std::string& line) {
    if (line == "block\n")
      for (;;) ::pause();
    if (line == "stay\n") return receive(client);
    client.held = line == "hold\n";
    if (client.held && !link_.draining()) return;
    reply(client, line == "keep\n" && !link_.draining());
  }
  void reply(Client& client, bool keep) {
    client.out = std::to_string(link_.slot()) + " " + std::to_string(::getpid()) + "\n";
    loop_.send(client.request, client.fd.get(), client.out.data(), client.out.size(),
               [this, &client, keep](Request&) { keep ? receive(client) : end(client); });
  }
  void end(Client& client) {
    loop_.close_now(client.fd.release());
    clients_.remove_if([&](const Client& other) { return &other == &client; });
  }
  void drain() {
    if (listener_) accepting_.cancel();
    for (Client& client : clients_)
      if (client.held) reply(client, false);
  }
  void message(const std::string& text) {
    if (text == "die") ::_exit(7);
    if (text == "garbage") return garbage();
    link_.send("echo " + text);
  }
  // Bypasses the link: bytes that are not a frame.
  static void garbage() {
    be_silent();
    const std::string nonsense(64, '\xff');
    [[maybe_unused]] const ssize_t size = ::write(3, nonsense.data(), nonsense.size());
  }

  WorkerLink& link_;
  UniqueFd listener_;
  Request accepting_;
  std::list<Client> clients_;
  Loop loop_;
};

int serve_lines(WorkerLink& link) {
  return LineServer(link, why_no_uring().empty() ? BackendKind::uring : BackendKind::pool).run();
}

// --- The manager, in a process of its own, which writes what happens and obeys commands ---

struct Line {
  std::string kind;
  unsigned slot = 0;
  pid_t pid = -1;
  std::int64_t delay_ns = 0;
  std::string text;
};

class Manager {
 public:
  explicit Manager(const ClusterOptions& options, const Cluster::WorkerMain& worker = serve_lines,
                   const std::function<void()>& prepare = {}) {
    std::fflush(stdout);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) manage(options, worker, prepare);
    told_.in = UniqueFd();
    { const UniqueFd closed = std::move(told_.in); }
    ::fcntl(told_.out.get(), F_SETFL, O_NONBLOCK);
    const std::optional<Line> port = await_line("port");
    REQUIRE(port);
    port_ = static_cast<std::uint16_t>(std::stoi(port->text));
  }
  ~Manager() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void command(const std::string& text) const {
    const std::string line = text + "\n";
    REQUIRE(::write(commands_.in.get(), line.data(), line.size()) ==
            static_cast<ssize_t>(line.size()));
  }
  const std::vector<Line>& lines() {
    std::array<char, 4096> text{};
    ssize_t size;
    while ((size = ::read(told_.out.get(), text.data(), text.size())) > 0)
      rest_.append(text.data(), static_cast<std::size_t>(size));
    for (std::size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) {
      std::istringstream in(rest_.substr(0, end));
      Line line;
      std::getline(in, line.kind, '|');
      in >> line.slot >> line.pid >> line.delay_ns;
      in.ignore(1);
      std::getline(in, line.text);
      lines_.push_back(line);
    }
    return lines_;
  }
  std::vector<Line> all(const std::string& kind, int slot = -1) {
    std::vector<Line> found;
    for (const Line& line : lines())
      if (line.kind == kind && (slot < 0 || static_cast<unsigned>(slot) == line.slot))
        found.push_back(line);
    return found;
  }
  bool await_count(const std::string& kind, std::size_t count, int slot = -1) {
    return await([&] { return all(kind, slot).size() >= count; });
  }
  std::optional<Line> await_line(const std::string& kind) {
    if (!await_count(kind, 1)) return std::nullopt;
    return all(kind).back();
  }
  // What it answers to a command, as text.
  std::string ask(const std::string& text, const std::string& answer) {
    const std::size_t before = all(answer).size();
    command(text);
    return await_count(answer, before + 1) ? all(answer).back().text : "no answer";
  }
  // Exit code, or -1 if it doesn't end or was killed.
  int wait() {
    int status = -1;
    if (!await([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // All workers have to exit cleanly, unless the test says otherwise.
  int stop(bool all_well = true) {
    command("stop");
    const int code = wait();
    for (const Line& line : all("ended"))
      if (all_well) CHECK_THAT(line.text, Contains("ended with code 0"));
    return code;
  }

 private:
  [[noreturn]] void manage(const ClusterOptions& options, const Cluster::WorkerMain& worker,
                           const std::function<void()>& prepare) {
    try {
      ::close(commands_.in.release());
      if (prepare) prepare();
      Request reading;
      Cluster cluster(options, worker);
      tell("port", 0, 0, 0, std::to_string(cluster.port()));
      cluster.on_event([this](const ClusterEvent& event) {
        tell(name_of(event.kind), event.slot, event.pid, event.delay.count(), event.text);
      });
      cluster.on_message([this](unsigned slot, const std::string& text) {
        tell("message", slot, -1, static_cast<std::int64_t>(text.size()), text.substr(0, 40));
      });
      cluster.on_signal(SIGTERM, [&] { cluster.stop(); });
      listen_for_commands(reading, cluster);
      cluster.run();
    } catch (const std::exception& error) {
      tell("failure", 0, 0, 0, error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  void listen_for_commands(Request& reading, Cluster& cluster) {
    cluster.loop().poll(reading, commands_.out.get(), POLLIN, [this, &cluster](Request& request) {
      std::array<char, 256> text{};
      const ssize_t size = ::read(commands_.out.get(), text.data(), text.size());
      std::istringstream in(
          std::string(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
      for (std::string line; std::getline(in, line);) obey(cluster, line);
      listen_for_commands(request, cluster);
      request.unref();
    });
    reading.unref();
  }
  void obey(Cluster& cluster, const std::string& line) {
    std::istringstream in(line);
    std::string verb;
    std::size_t number = 0;
    std::string text;
    in >> verb >> number >> text;
    if (verb == "stop") return cluster.stop();
    if (verb == "reload")
      return cluster.reload(
          [this](const std::string& problem) { tell("answer", 0, 0, 0, problem); });
    if (verb == "send")
      return tell("sent", 0, 0, cluster.send(static_cast<unsigned>(number), text), "");
    if (verb == "big") {
      const int result = cluster.send(0, std::string(number, 'x'));
      return tell("sent", 0, 0, result, std::to_string(cluster.queued_bytes(0)));
    }
    if (verb == "broadcast") return tell("sent", 0, 0, cluster.broadcast(text), "");
    if (verb == "descriptors") return limit_descriptors(number);
    for (const SlotStats& slot : cluster.stats())
      tell("stats", slot.slot, slot.pid, slot.heartbeat_age.count(),
           name_of(slot.state) + (" " + std::to_string(slot.passed)) + " " +
               std::to_string(slot.waiting) + " " + std::to_string(slot.restarts) + " " +
               std::to_string(slot.reloads) + " " + slot.last_end);
    tell("totals", 0, 0, 0,
         "lost " + std::to_string(cluster.connections_lost()) + " passed on " +
             std::to_string(cluster.connections_passed_on()) + " rests " +
             std::to_string(cluster.accept_rests()));
  }
  void limit_descriptors(std::size_t count) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    tell("sent", 0, 0, 0, "");
  }
  void tell(const std::string& kind, unsigned slot, pid_t pid, std::int64_t number,
            const std::string& text) {
    const std::string line = kind + "|" + std::to_string(slot) + " " + std::to_string(pid) + " " +
                             std::to_string(number) + " " + text + "\n";
    [[maybe_unused]] const ssize_t size = ::write(told_.in.get(), line.data(), line.size());
  }

  Pipe told_, commands_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string rest_;
  std::vector<Line> lines_;
};

// --- Clients ---

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(connect_to_loopback(port)) {
    const timeval limit{.tv_sec = 120};
    if (socket_.get() >= 0)
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  bool say(const std::string& line) {
    return socket_.get() >= 0 && ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) ==
                                     static_cast<ssize_t>(line.size());
  }
  // A line without its end, or what went wrong: "refused", "reset", "closed", "timeout".
  std::string hear() {
    if (socket_.get() < 0) return "refused";
    std::string line;
    char byte;
    for (;;) {
      const ssize_t size = ::recv(socket_.get(), &byte, 1, 0);
      if (size == 0) return "closed";
      if (size < 0) return errno == EAGAIN ? "timeout" : "reset";
      if (byte == '\n') return line;
      line += byte;
    }
  }
  bool would_wait() { return ::recv(socket_.get(), nullptr, 0, MSG_DONTWAIT | MSG_PEEK) < 0; }

 private:
  UniqueFd socket_;
};

std::string ask(std::uint16_t port, const std::string& line = "who\n") {
  Client client(port);
  client.say(line);
  return client.hear();
}

int slot_in(const std::string& answer) {
  return answer.empty() || answer[0] < '0' || answer[0] > '9' ? -1 : std::stoi(answer);
}
pid_t pid_in(const std::string& answer) {
  const std::size_t space = answer.find(' ');
  return slot_in(answer) < 0 || space == std::string::npos ? -1 : std::stoi(answer.substr(space));
}

// Processes that make connections one after another, until told to end.
class Load {
 public:
  struct Figures {
    std::atomic<unsigned> done{0}, failed{0};
    std::atomic<bool> end{false};
    std::atomic<int> first_error{0};
    std::array<std::atomic<unsigned>, 8> by_slot{};
  };
  Load(std::uint16_t port, unsigned processes) {
    for (unsigned i = 0; i < processes; ++i) {
      const pid_t pid = ::fork();
      REQUIRE(pid >= 0);
      if (pid == 0) connect_all(port);
      pids_.push_back(pid);
    }
  }
  ~Load() { end(); }
  void end() {
    figures->end = true;
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
    pids_.clear();
  }
  Shared<Figures> figures;

 private:
  [[noreturn]] void connect_all(std::uint16_t port) {
    while (!figures->end) {
      const std::string answer = ask(port);
      const int slot = slot_in(answer);
      if (slot >= 0) {
        ++figures->by_slot[static_cast<std::size_t>(slot) % 8];
        ++figures->done;
      } else {
        ++figures->failed;
        figures->first_error = answer.empty() ? '?' : answer[0];
      }
    }
    ::_exit(0);
  }
  std::vector<pid_t> pids_;
};

ClusterOptions quick(unsigned workers, ClusterPolicy policy) {
  ClusterOptions options;
  options.workers = workers;
  options.policy = policy;
  options.heartbeat = 20ms;
  options.heartbeat_limit = 20s;  // tests of these set them
  options.start_limit = 1h;
  options.backoff.first = 10ms;
  return options;
}

ClusterPolicy each_policy() {
  return GENERATE(ClusterPolicy::round_robin, ClusterPolicy::reuse_port);
}

}  // namespace

TEST_CASE("cluster: back-off grows to its cap, resets after a stable run, finally gives up",
          "[cluster]") {
  Backoff backoff({.first = 10ms, .factor = 3, .cap = 100ms, .stable = 1s, .max_failures = 3});
  CHECK(backoff.after_run(0ns) == 10ms);
  CHECK(backoff.after_run(999ms) == 30ms);
  CHECK(backoff.after_failed_start() == 90ms);
  CHECK(backoff.after_failed_start() == 100ms);
  CHECK(backoff.after_run(0ns) == 100ms);  // it ran: its failed starts are forgotten
  CHECK(backoff.after_run(1s) == 10ms);
  CHECK(backoff.after_failed_start() == 30ms);
  CHECK(backoff.after_failed_start() == 90ms);
  CHECK_FALSE(backoff.after_failed_start());
  backoff.reset();
  CHECK(backoff.after_failed_start() == 10ms);
}

TEST_CASE("cluster: all workers serve on one port", "[cluster]") {
  const ClusterPolicy policy = each_policy();
  Manager manager(quick(4, policy));
  REQUIRE(manager.await_count("ready", 4));
  std::map<int, unsigned> by_slot;
  REQUIRE(await([&] {
    ++by_slot[slot_in(ask(manager.port()))];
    return by_slot.size() == 4 && by_slot.begin()->first == 0;
  }));
  if (policy == ClusterPolicy::round_robin) {
    by_slot.clear();
    for (int i = 0; i < 40; ++i) ++by_slot[slot_in(ask(manager.port()))];
    for (const auto& [slot, count] : by_slot) CHECK(count == 10);
  }
  CHECK(manager.stop() == 0);
  CHECK(manager.all("ended").size() == 4);
  CHECK(await([&] { return ask(manager.port()) == "refused"; }));
}

TEST_CASE("cluster: a worker killed with SIGKILL loses only its own requests, and is restarted",
          "[cluster]") {
  Manager manager(quick(3, each_policy()));
  REQUIRE(manager.await_count("ready", 3));
  // One held request at least in each worker.
  std::list<Client> held;
  std::vector<pid_t> pids;
  std::set<pid_t> seen;
  while (seen.size() < 3) {
    held.emplace_back(manager.port());
    held.back().say("keep\n");
    pids.push_back(pid_in(held.back().hear()));
    seen.insert(pids.back());
    held.back().say("hold\n");
    REQUIRE(held.size() < 500);
  }
  const pid_t victim = pids.front();
  Load load(manager.port(), 2);
  REQUIRE(await([&] { return load.figures->done > 50; }));
  ::kill(victim, SIGKILL);
  REQUIRE(manager.await_count("ready", 4));
  const unsigned then = load.figures->done;
  REQUIRE(await([&] { return load.figures->done > then + 100; }));
  load.end();
  // Two clients, one request at a time: that many may have been with the dead worker.
  CHECK(load.figures->failed <= 2);
  auto pid = pids.begin();
  for (Client& client : held) {
    if (*pid == victim)
      CHECK_THAT(client.hear(), Contains("closed") || Contains("reset"));
    else
      CHECK(client.would_wait());
    ++pid;
  }
  REQUIRE(manager.all("died").size() == 1);
  CHECK(manager.all("died")[0].pid == victim);
  CHECK_THAT(manager.all("died")[0].text, Contains("signal 9"));
  CHECK(manager.stop() == 0);  // answers what is held
  pid = pids.begin();
  for (Client& client : held)
    if (*pid++ != victim) CHECK(pid_in(client.hear()) != victim);
}

TEST_CASE("cluster: connections passed to a worker that never accepts them go to another one",
          "[cluster]") {
  // The first process of slot 0 says that it's ready, and then never runs its loop.
  Shared<std::atomic<bool>> stuck_once;
  Manager manager(quick(2, ClusterPolicy::round_robin), [&](WorkerLink& link) {
    if (link.slot() == 0 && !stuck_once->exchange(true)) {
      Loop loop;
      link.attach(loop, {});
      link.ready();
      for (;;) ::pause();
    }
    return serve_lines(link);
  });
  REQUIRE(manager.await_count("ready", 2));
  const pid_t stuck = manager.all("ready", 0).front().pid;
  std::list<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(manager.port());
    clients.back().say("who\n");
  }
  // Those of the other one are answered; ten wait in the stuck one's socket.
  REQUIRE(await([&] {
    return !manager.ask("stats", "totals").empty() &&
           manager.all("stats", 0).back().text.find("ready 0 10 ") != std::string::npos;
  }));
  ::kill(stuck, SIGKILL);
  for (Client& client : clients) CHECK(slot_in(client.hear()) >= 0);
  CHECK_THAT(manager.ask("stats", "totals"), Contains("lost 0 passed on 10"));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a worker whose queue is full is skipped", "[cluster]") {
  ClusterOptions options = quick(2, ClusterPolicy::round_robin);
  options.max_waiting = 3;
  options.grace = 50ms;
  options.kill_after = 50ms;
  Manager manager(options, [&](WorkerLink& link) {
    if (link.slot() == 1) return serve_lines(link);
    Loop loop;
    link.attach(loop, {});
    link.ready();
    for (;;) ::pause();
  });
  REQUIRE(manager.await_count("ready", 2));
  std::list<Client> waiting;
  unsigned answered = 0;
  for (int i = 0; i < 20; ++i) {
    waiting.emplace_back(manager.port());
    waiting.back().say("who\n");
  }
  REQUIRE(await([&] {
    for (auto client = waiting.begin(); client != waiting.end();) {
      if (client->would_wait()) {
        ++client;
        continue;
      }
      CHECK(slot_in(client->hear()) == 1);
      ++answered;
      client = waiting.erase(client);
    }
    return answered == 17;
  }));
  CHECK(waiting.size() == 3);
  // It handles SIGTERM in its loop, which doesn't run: only SIGKILL is left.
  CHECK(manager.stop(false) == 0);
  CHECK_THAT(manager.all("ended", 0).back().text, Contains("signal 9"));
  CHECK_THAT(manager.all("ended", 0).back().text, Contains("did not end when it was told to"));
}

TEST_CASE("cluster: the delay between restarts grows", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.backoff = {.first = 1ms, .factor = 2, .cap = 8ms, .stable = 1h, .max_failures = 0};
  Manager manager(options, [](WorkerLink& link) {
    if (link.slot() == 1) return serve_lines(link);
    be_silent();  // it would print this
    throw std::runtime_error("no luck");
  });
  REQUIRE(manager.await_count("waiting", 6, 0));
  std::vector<std::int64_t> delays;
  for (const Line& line : manager.all("waiting", 0)) delays.push_back(line.delay_ns / 1'000'000);
  delays.resize(6);
  CHECK(delays == std::vector<std::int64_t>{1, 2, 4, 8, 8, 8});
  CHECK_THAT(manager.all("start failed", 0).front().text, Contains("ended with code 1"));
  CHECK(manager.all("waiting", 1).empty());
  CHECK(manager.stop(false) == 0);  // the first one may just be failing once more
  CHECK_THAT(manager.all("ended", 1).back().text, Contains("ended with code 0"));
}

TEST_CASE("cluster: a worker that keeps dying at startup is given up, and the others go on",
          "[cluster]") {
  ClusterOptions options = quick(3, each_policy());
  options.backoff = {.first = 1ms, .factor = 2, .cap = 4ms, .stable = 1h, .max_failures = 4};
  Manager manager(options, [](WorkerLink& link) {
    if (link.slot() == 1) ::_exit(3);
    return serve_lines(link);
  });
  const std::optional<Line> gave_up = manager.await_line("gave up");
  REQUIRE(gave_up);
  CHECK(gave_up->slot == 1);
  CHECK_THAT(gave_up->text, Contains("after 4 starts in a row") && Contains("ended with code 3"));
  CHECK(manager.all("start failed").size() == 4);
  REQUIRE(manager.await_count("ready", 2));
  // With reuse_port a third of these come to the listener of the slot that is empty.
  for (int i = 0; i < 60; ++i) {
    const int slot = slot_in(ask(manager.port()));
    CHECK((slot == 0 || slot == 2));
  }
  manager.ask("stats", "totals");
  CHECK_THAT(manager.all("stats", 1).back().text, Contains("given up"));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: if no worker starts, it says why in one sentence and exits", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.backoff = {.first = 1ms, .factor = 2, .cap = 4ms, .stable = 1h, .max_failures = 3};
  Manager manager(options, [](WorkerLink&) -> int { ::raise(SIGSEGV), ::_exit(0); });
  CHECK(manager.wait() == 1);
  REQUIRE(manager.all("failure").size() == 1);
  CHECK_THAT(manager.all("failure")[0].text,
             Contains("no worker is left") && Contains("3 starts in a row"));
}

TEST_CASE("cluster: a worker that never becomes ready is killed and counted as failed",
          "[cluster]") {
  ClusterOptions options = quick(1, ClusterPolicy::round_robin);
  options.start_limit = 20ms;
  options.backoff.max_failures = 2;
  Manager manager(options, [](WorkerLink&) -> int {
    for (;;) ::pause();
  });
  CHECK(manager.wait() == 1);
  CHECK_THAT(manager.all("start failed").front().text, Contains("not ready within 20 ms"));
}

TEST_CASE("cluster: a worker whose loop is stuck is detected and replaced", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.heartbeat_limit = 2s;
  Manager manager(options);
  REQUIRE(manager.await_count("ready", 2));
  Client client(manager.port());
  client.say("keep\n");
  const pid_t victim = pid_in(client.hear());
  client.say("block\n");
  Line hung;  // on a busy machine another one may seem to hang
  REQUIRE(await([&] {
    for (const Line& line : manager.all("hung"))
      if (line.pid == victim) hung = line;
    return hung.pid == victim;
  }));
  CHECK_THAT(hung.text, Contains("signal 9") && Contains("gave no sign for"));
  REQUIRE(manager.await_count("ready", 2, static_cast<int>(hung.slot)));
  CHECK(slot_in(ask(manager.port())) >= 0);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a manager that was suspended doesn't take its workers for stuck", "[cluster]") {
  ClusterOptions options = quick(2, ClusterPolicy::round_robin);
  options.heartbeat_limit = 2s;
  Manager manager(options);
  REQUIRE(manager.await_count("ready", 2));
  const std::vector<Line> ready = manager.all("ready");
  ::kill(manager.pid(), SIGSTOP);
  for (const Line& line : ready) ::kill(line.pid, SIGSTOP);
  std::this_thread::sleep_for(2 * options.heartbeat_limit);  // not a guess: it's what is tested
  ::kill(manager.pid(), SIGCONT);
  manager.ask("stats", "totals");  // its loop has run, before its workers could say anything
  for (const Line& line : ready) ::kill(line.pid, SIGCONT);
  CHECK(slot_in(ask(manager.port())) >= 0);
  CHECK(manager.all("hung").empty());
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a reload refuses and resets no connection", "[cluster]") {
  Manager manager(quick(4, each_policy()));
  REQUIRE(manager.await_count("ready", 4));
  Client begun(manager.port());
  begun.say("keep\n");
  const std::string before = begun.hear();
  begun.say("hold\n");
  Load load(manager.port(), 4);
  REQUIRE(await([&] { return load.figures->done > 100; }));
  std::size_t reloads = 0;
  do {
    CHECK(manager.ask("reload", "answer").empty());
    ++reloads;
  } while (load.figures->done < 2'000 || reloads < 3);
  load.end();
  CAPTURE(static_cast<char>(load.figures->first_error));
  CHECK(load.figures->failed == 0);
  CHECK(load.figures->done >= 2'000);
  CHECK(begun.hear() == before);  // answered by the worker that had begun it
  CHECK(manager.all("ready").size() == 4 * (1 + reloads));
  CHECK(manager.all("ended").size() == 4 * reloads);
  CHECK(manager.all("died").empty());
  CHECK_THAT(manager.ask("stats", "totals"), Contains("lost 0"));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a reload that fails leaves the old workers serving", "[cluster]") {
  Shared<std::atomic<int>> starts;
  Manager manager(quick(3, each_policy()), [&](WorkerLink& link) {
    if (++*starts == 5) ::_exit(4);  // the second one of the reload
    return serve_lines(link);
  });
  REQUIRE(manager.await_count("ready", 3));
  const std::string problem = manager.ask("reload", "answer");
  CHECK_THAT(problem, Contains("ended with code 4") && Contains("the worker before it serves on"));
  std::set<int> slots;
  CHECK(await([&] {
    slots.insert(slot_in(ask(manager.port())));
    return slots == std::set<int>{0, 1, 2};
  }));
  CHECK(manager.all("ended").size() == 1);
  CHECK(manager.all("died").empty());
  CHECK(manager.ask("reload", "answer").empty());  // and the next one succeeds
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: several reloads requested during a reload become one", "[cluster]") {
  Shared<std::atomic<int>> starts;
  Shared<std::atomic<bool>> go_on;
  Manager manager(quick(2, each_policy()), [&](WorkerLink& link) {
    if (++*starts > 2) await([&] { return go_on->load(); });
    return serve_lines(link);
  });
  REQUIRE(manager.await_count("ready", 2));
  manager.command("reload");
  REQUIRE(manager.await_count("started", 3));
  for (int i = 0; i < 3; ++i) manager.command("reload");
  manager.ask("stats", "totals");
  *go_on = true;
  REQUIRE(manager.await_count("answer", 4));
  CHECK(manager.all("reloaded").size() == 2);
  CHECK(manager.all("ready").size() == 6);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a slot that was given up is tried again by a reload", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.backoff = {.first = 1ms, .factor = 2, .cap = 4ms, .stable = 1h, .max_failures = 2};
  Shared<std::atomic<bool>> mended;
  Manager manager(options, [&](WorkerLink& link) {
    if (link.slot() == 1 && !*mended) ::_exit(3);
    return serve_lines(link);
  });
  REQUIRE(manager.await_count("gave up", 1));
  CHECK_FALSE(manager.ask("reload", "answer").empty());
  *mended = true;
  CHECK(manager.ask("reload", "answer").empty());
  CHECK(await([&] { return slot_in(ask(manager.port())) == 1; }));
  const std::size_t waits = manager.all("waiting", 1).size();
  ::kill(manager.all("ready", 1).back().pid, SIGKILL);
  REQUIRE(manager.await_count("waiting", waits + 1, 1));
  CHECK(manager.all("waiting", 1).back().delay_ns == 1'000'000);  // as after a first failure
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a worker that doesn't drain gets SIGTERM, then SIGKILL", "[cluster]") {
  ClusterOptions options = quick(1, each_policy());
  options.grace = 20ms;
  options.kill_after = 20s;
  const bool heeds_term = GENERATE(true, false);
  if (!heeds_term) options.kill_after = 20ms;
  Manager manager(options, [heeds_term](WorkerLink& link) {
    Request stays;
    Pipe never;
    Loop loop;
    loop.poll(stays, never.out.get(), POLLIN, {});
    link.attach(loop, {});  // SIGTERM while draining stops the loop
    if (!heeds_term) ::signal(SIGTERM, SIG_IGN);
    link.ready();
    loop.run();
    return 9;
  });
  REQUIRE(manager.await_count("ready", 1));
  CHECK(manager.stop(false) == 0);
  CHECK_THAT(manager.all("ended").front().text,
             Contains(heeds_term ? "ended with code 9" : "killed by signal 9"));
}

TEST_CASE("cluster: SIGTERM drains a worker while others serve, and it is replaced", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.grace = 1h;
  Manager manager(options);
  REQUIRE(manager.await_count("ready", 2));
  std::optional<Client> stays;
  std::list<Client> held;  // by the same worker
  stays.emplace(manager.port());
  stays->say("keep\n");
  const std::string before = stays->hear();
  stays->say("stay\n");
  do {
    held.emplace_back(manager.port());
    held.back().say("keep\n");
  } while (held.back().hear() != before);
  held.back().say("hold\n");
  ::kill(pid_in(before), SIGTERM);
  CHECK(held.back().hear() == before);
  for (int i = 0; i < 30; ++i) {
    const std::string answer = ask(manager.port());
    CHECK(slot_in(answer) >= 0);
    CHECK(answer != before);
  }
  CHECK(manager.all("ended").empty());
  stays.reset();
  REQUIRE(manager.await_count("ready", 3));
  CHECK(manager.all("died").empty());
  held.clear();
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: workers end when their manager is killed", "[cluster]") {
  // Orphans become our children, so that they can be waited for.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const bool by_the_link_alone = GENERATE(false, true);
  std::vector<pid_t> pids;
  {
    Manager manager(quick(3, each_policy()), [by_the_link_alone](WorkerLink& link) {
      if (by_the_link_alone) ::prctl(PR_SET_PDEATHSIG, 0);
      be_silent();
      return serve_lines(link);
    });
    REQUIRE(manager.await_count("ready", 3));
    for (const Line& line : manager.all("ready")) pids.push_back(line.pid);
    ::kill(manager.pid(), SIGKILL);
    CHECK(manager.wait() == -1);
    for (const pid_t pid : pids) {
      int status = 0;
      const bool ended = await([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
      CHECK(ended);
      if (!ended) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, &status, 0);
      }
      // Its link ends a moment before the signal comes, so either may be first.
      CHECK((WIFEXITED(status) || !by_the_link_alone));
    }
    // The kernel may close a dead process's ring, and what it holds, a little later.
    CHECK(await([&] { return ask(manager.port()) == "refused"; }));
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("cluster: messages go both ways, to one and to all", "[cluster]") {
  Manager manager(quick(3, each_policy()));
  REQUIRE(manager.await_count("ready", 3));
  manager.command("send 1 hello");
  REQUIRE(manager.await_count("message", 1));
  CHECK(manager.all("message").front().slot == 1);
  CHECK(manager.all("message").front().text == "echo hello");
  manager.command("broadcast 0 all");
  REQUIRE(manager.await_count("message", 4));
  std::set<unsigned> slots;
  for (const Line& line : manager.all("message"))
    if (line.text == "echo all") slots.insert(line.slot);
  CHECK(slots == std::set<unsigned>{0, 1, 2});
  manager.command("send 3 nobody");
  REQUIRE(manager.await_count("sent", 3));
  CHECK(manager.all("sent").back().delay_ns == -ESRCH);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: large messages are queued, and none is lost", "[cluster]") {
  Manager manager(quick(1, each_policy()));
  REQUIRE(manager.await_count("ready", 1));
  for (int i = 0; i < 20; ++i) {
    manager.ask("big 1048576", "sent");
    CHECK(manager.all("sent").back().delay_ns == 0);
  }
  REQUIRE(manager.await_count("message", 20));
  for (const Line& line : manager.all("message")) CHECK(line.delay_ns == 1'048'576 + 5);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: garbage on a link ends only that worker", "[cluster]") {
  Manager manager(quick(2, each_policy()));
  REQUIRE(manager.await_count("ready", 2));
  manager.command("send 1 garbage");
  REQUIRE(manager.await_count("ready", 2, 1));
  CHECK_THAT(manager.all("died", 1).front().text,
             Contains("its link failed") && Contains("the limit is"));
  CHECK(manager.all("died", 0).empty());
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a stop lets a worker that is just restarting serve connected clients first",
          "[cluster]") {
  struct Starts {
    std::atomic<int> count{0};
    std::atomic<bool> go_on{false};
  };
  const Shared<Starts> starts;
  Manager manager(quick(1, ClusterPolicy::round_robin), [&](WorkerLink& link) {
    if (++starts->count > 1) await([&] { return starts->go_on.load(); });
    return serve_lines(link);
  });
  REQUIRE(manager.await_count("ready", 1));
  ::kill(manager.all("ready").front().pid, SIGKILL);
  REQUIRE(manager.await_count("started", 2));
  REQUIRE(await([&] { return starts->count == 2; }));
  Client client(manager.port());
  CHECK(client.say("who\n"));
  manager.command("stop");
  CHECK_THAT(manager.ask("stats", "totals"), Contains("lost 0"));  // it was told to stop by now
  starts->go_on = true;
  CHECK(slot_in(client.hear()) == 0);
  CHECK(manager.wait() == 0);
  REQUIRE(manager.all("ended").size() == 1);
  CHECK_THAT(manager.all("ended").front().text, Contains("ended with code 0"));
}

TEST_CASE("cluster: what is killed after it was told to end counts as died, not as ended",
          "[cluster]") {
  Manager manager(quick(2, each_policy()));
  REQUIRE(manager.await_count("ready", 2));
  ::kill(manager.pid(), SIGSTOP);  // it learns of both together, and of the stop first
  manager.command("stop");
  ::kill(manager.all("ready", 0).front().pid, SIGKILL);
  ::kill(manager.pid(), SIGCONT);
  CHECK(manager.wait() == 0);
  REQUIRE(manager.all("died").size() == 1);
  CHECK_THAT(manager.all("died").front().text, Contains("was killed by signal 9"));
  REQUIRE(manager.all("ended").size() == 1);
  CHECK_THAT(manager.all("ended").front().text, Contains("ended with code 0"));
}

TEST_CASE("cluster: without free descriptors the manager pauses, and goes on", "[cluster]") {
  Manager manager(quick(2, ClusterPolicy::round_robin));
  REQUIRE(manager.await_count("ready", 2));
  manager.ask("descriptors 3", "sent");
  Client client(manager.port());
  client.say("who\n");
  REQUIRE(await([&] {
    const std::string totals = manager.ask("stats", "totals");
    return totals.find("rests 0") == std::string::npos;
  }));
  CHECK(client.would_wait());
  manager.ask("descriptors 1000", "sent");
  CHECK(slot_in(client.hear()) >= 0);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a fork that fails is tried again later", "[cluster]") {
  ClusterOptions options = quick(2, each_policy());
  options.backoff.max_failures = 0;
  Manager manager(options);
  REQUIRE(manager.await_count("ready", 2));
  manager.ask("descriptors 3", "sent");
  ::kill(manager.all("ready", 0).front().pid, SIGKILL);
  REQUIRE(manager.await_count("start failed", 2));
  CHECK_THAT(manager.all("start failed").front().text,
             Contains("can't be forked: Too many open files"));
  manager.ask("descriptors 1000", "sent");
  REQUIRE(manager.await_count("ready", 2, 0));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a worker without free descriptors loses no connection", "[cluster]") {
  Manager manager(quick(2, ClusterPolicy::round_robin), [](WorkerLink& link) {
    LineServer server(link, BackendKind::pool);
    const rlimit few{.rlim_cur = 5, .rlim_max = 1000};
    if (link.slot() == 0) ::setrlimit(RLIMIT_NOFILE, &few);
    return server.run();
  });
  REQUIRE(manager.await_count("ready", 2));
  for (int i = 0; i < 10; ++i) CHECK(slot_in(ask(manager.port())) == 1);
  CHECK_THAT(manager.ask("stats", "totals"), Contains("lost 0") && !Contains("passed on 0"));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a connection that no worker can accept is offered again without busy polling",
          "[cluster]") {
  Manager manager(quick(1, ClusterPolicy::round_robin), [](WorkerLink& link) {
    LineServer server(link, BackendKind::pool);
    const rlimit few{.rlim_cur = 5, .rlim_max = 1000};
    ::setrlimit(RLIMIT_NOFILE, &few);
    return server.run();
  });
  REQUIRE(manager.await_count("ready", 1));
  const auto begin = std::chrono::steady_clock::now();
  const Client client(manager.port());
  long passed_on = 0;
  REQUIRE(await([&] {
    const std::string totals = manager.ask("stats", "totals");
    passed_on = std::stol(totals.substr(totals.find("passed on ") + 10));
    return passed_on >= 4;
  }));
  // The worker rests for 50 ms after each.
  CHECK(passed_on <= 2 + (std::chrono::steady_clock::now() - begin) / 25ms);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: a worker has only its own descriptors, and default signal handling",
          "[cluster]") {
  Shared<std::array<char, 256>> seen;
  const auto worker = [&](WorkerLink& link) {
    std::string open;
    for (int fd = 3; fd < 1000; ++fd)
      if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + " ";
    struct sigaction user {};
    struct sigaction pipe {};
    struct sigaction interrupt {};
    struct sigaction hang_up {};
    ::sigaction(SIGUSR1, nullptr, &user);
    ::sigaction(SIGPIPE, nullptr, &pipe);
    ::sigaction(SIGINT, nullptr, &interrupt);
    ::sigaction(SIGHUP, nullptr, &hang_up);
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);
    open += user.sa_handler == SIG_DFL ? "usr1-default " : "";
    open += pipe.sa_handler == SIG_IGN ? "pipe-ignored " : "";
    open += interrupt.sa_handler == SIG_IGN ? "int-ignored " : "";
    open += hang_up.sa_handler == SIG_IGN ? "hup-ignored " : "";
    open += ::sigismember(&mask, SIGTERM) == 0 ? "term-open " : "";
    open.copy(seen->data(), seen->size() - 1);
    return serve_lines(link);
  };
  const ClusterPolicy policy = each_policy();
  Manager manager(quick(1, policy), worker, [] {
    ::signal(SIGUSR1, [](int) {});
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGCHLD, SIG_IGN);
  });
  REQUIRE(manager.await_count("ready", 1));
  // The link, its listener if it has one, and the eventfd that SIGTERM writes into.
  const std::string fds = policy == ClusterPolicy::reuse_port ? "3 4 5 " : "3 4 ";
  CHECK(std::string(seen->data()) ==
        fds + "usr1-default pipe-ignored int-ignored hup-ignored term-open ");
  manager.command("send 0 die");
  REQUIRE(manager.await_count("died", 1));
  CHECK_THAT(manager.all("died").front().text, Contains("ended with code 7"));
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: without pidfds, exits are detected nevertheless", "[cluster]") {
  Manager manager(quick(2, each_policy()), serve_lines, [] {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pidfd_open, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
      ::_exit(77);
  });
  REQUIRE(manager.await_count("ready", 2));
  ::kill(manager.all("ready", 1).front().pid, SIGKILL);
  REQUIRE(manager.await_count("ready", 2, 1));
  CHECK_THAT(manager.all("died").front().text, Contains("signal 9"));
  CHECK(manager.ask("reload", "answer").empty());
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: it shows the state of each slot", "[cluster]") {
  Manager manager(quick(2, ClusterPolicy::round_robin));
  REQUIRE(manager.await_count("ready", 2));
  for (int i = 0; i < 6; ++i) ask(manager.port());
  ::kill(manager.all("ready", 1).front().pid, SIGKILL);
  REQUIRE(manager.await_count("ready", 2, 1));
  manager.ask("stats", "totals");
  CHECK(manager.all("stats", 0).back().text == "ready 3 0 0 0 ");
  CHECK_THAT(manager.all("stats", 1).back().text, Contains("ready 3 0 1 0 worker 1 (pid"));
  CHECK(manager.all("stats", 1).back().pid == manager.all("ready", 1).back().pid);
  CHECK(manager.all("stats", 0).back().delay_ns >= 0);
  CHECK(manager.stop() == 0);
}

TEST_CASE("cluster: it refuses to start with threads, rings, bad options or a port in use",
          "[cluster]") {
  const auto worker = [](WorkerLink&) { return 0; };
  CHECK_THROWS_AS(Cluster({.workers = 0}, worker), Failure);
  CHECK_THROWS_AS(Cluster({.workers = 257}, worker), Failure);
  CHECK_THROWS_AS(Cluster({.heartbeat = 2s, .heartbeat_limit = 1s}, worker), Failure);
  const UniqueFd taken(listen_on_loopback(0));
  const auto port = static_cast<std::uint16_t>(port_of(taken.get()));
  const ClusterPolicy policy = each_policy();
  CHECK_THROWS_WITH(Cluster({.policy = policy, .port = port}, worker), Contains("is in use"));
  const Cluster first({.policy = ClusterPolicy::reuse_port}, worker);
  CHECK_THROWS_WITH(Cluster({.policy = policy, .port = first.port()}, worker),
                    Contains("is in use"));
  Cluster cluster({}, worker);
#ifndef __SANITIZE_THREAD__  // which has a thread of its own, and that is refused first
  if (why_no_uring().empty()) {
    const Loop ring;
    CHECK_THROWS_WITH(cluster.run(), Contains("before any io_uring"));
  }
#endif
  std::atomic<bool> end{false};
  std::thread thread([&] {
    while (!end) std::this_thread::yield();
  });
#ifndef __SANITIZE_THREAD__
  CHECK_THROWS_WITH(cluster.run(), Contains("before any thread"));
#endif
  end = true;
  thread.join();
}

// Not a test: figures, on demand ("[bench]").

namespace {

double cpu_seconds(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(") ") + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void measure_connections(const char* name, unsigned workers, ClusterPolicy policy) {
  ClusterOptions options = quick(workers, policy);
  options.heartbeat = 1s;
  Manager manager(options);
  REQUIRE(manager.await_count("ready", workers));
  const auto cpu_of_workers = [&] {
    double sum = 0;
    for (const Line& line : manager.all("ready")) sum += cpu_seconds(line.pid);
    return sum;
  };
  Load load(manager.port(), 4);
  REQUIRE(await([&] { return load.figures->done > 1'000; }));
  const unsigned before = load.figures->done;
  const double manager_before = cpu_seconds(manager.pid());
  const double workers_before = cpu_of_workers();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(3s);
  const unsigned done = load.figures->done - before;
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const double manager_us = (cpu_seconds(manager.pid()) - manager_before) * 1e6 / done;
  const double workers_us = (cpu_of_workers() - workers_before) * 1e6 / done;
  load.end();
  std::printf(
      "%-28s %7.0f connections/s; CPU each: manager %5.1f us, workers %5.1f us; %u failed\n", name,
      done / time.count(), manager_us, workers_us, load.figures->failed.load());
  CHECK(manager.stop() == 0);
}

void measure_reload(const char* name, ClusterPolicy policy) {
  Manager manager(quick(4, policy));
  REQUIRE(manager.await_count("ready", 4));
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    manager.ask("reload", "answer");
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::sort(times.begin(), times.end());
  std::printf("reload of 4 workers, %s: median %.1f ms, most %.1f ms (20 times, idle)\n", name,
              times[10], times.back());
  CHECK(manager.stop() == 0);
}

}  // namespace

TEST_CASE("cluster: figures", "[.bench]") {
  measure_connections("single process", 1, ClusterPolicy::reuse_port);
  measure_connections("round robin, 1 worker", 1, ClusterPolicy::round_robin);
  measure_connections("round robin, 2 workers", 2, ClusterPolicy::round_robin);
  measure_connections("reuse port, 2 workers", 2, ClusterPolicy::reuse_port);
  measure_connections("round robin, 4 workers", 4, ClusterPolicy::round_robin);
  measure_connections("reuse port, 4 workers", 4, ClusterPolicy::reuse_port);
  measure_reload("round robin", ClusterPolicy::round_robin);
  measure_reload("reuse port", ClusterPolicy::reuse_port);
}

}  // namespace timeslice::loop::test
