// SPDX-License-Identifier: MIT
// Does the loop survive callbacks that throw, storms of signals, forks and use from other threads?
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

// What a forked child does; its exit status.
int in_child(const std::function<int()>& what) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    int status = 99;
    try {
      status = what();
    } catch (...) {
    }
    ::_exit(status);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// A signal every millisecond, whose handler makes system calls end with EINTR.
struct Storm {
  Storm() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++count; };
    REQUIRE(::sigaction(SIGALRM, &action, nullptr) == 0);
    set(1000);
  }
  ~Storm() { set(0); }
  static void set(int microseconds) {
    const itimerval every{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  static inline std::atomic<int> count{0};
};

}  // namespace

TEST_ON_EACH_BACKEND("callbacks that throw in every phase lose no other, and each is called once") {
  options.sim.faults = false;  // so that the three bytes are sent together
  Pipe pipe;
  SocketPair pair;
  std::vector<Request> requests(4);
  std::vector<std::unique_ptr<Hook>> hooks;
  Multishot receiving;
  std::vector<std::string> calls;
  GuardedLoop loop(options);
  Buffers buffers(loop, 2, 1);
  const auto thrower = [&](const std::string& name) {
    return [&, name](auto&...) {
      calls.push_back(name);
      throw std::runtime_error(name);
    };
  };
  for (const Phase phase : {Phase::idle, Phase::prepare, Phase::check}) {
    const auto at = hooks.size();
    hooks.push_back(std::make_unique<Hook>(loop, phase, [&, at] {
      hooks[at]->stop();
      thrower("hook" + std::to_string(at))();
    }));
    hooks.back()->start();
  }
  Timer timer(loop, thrower("timer"));
  timer.start(1ms);
  Waker waker(loop, [&] {
    waker.unref();
    thrower("waker")();
  });
  waker.send();
  loop.next_tick(thrower("tick"));
  loop.queue_microtask(thrower("microtask"));
  loop.set_immediate(thrower("immediate"));
  loop.at_close(thrower("close"));
  loop.nop(requests[0], thrower("nop"));
  loop.send(requests[1], pair.a.get(), "abc", 3, thrower("send"));
  loop.poll(requests[2], pipe.in.get(), POLLOUT, thrower("poll"));
  loop.work(
      requests[3], [] {}, thrower("work"));
  int pieces = 0;
  loop.recv_many(receiving, pair.b.get(), buffers, [&](Request& done) {
    if (++pieces == 3) receiving.cancel();
    thrower(done.result() > 0 ? "piece" : "end")();
  });
  int throws = 0;
  for (bool ended = false; !ended;) {
    REQUIRE(throws < 100);
    try {
      loop.run();
      ended = true;
    } catch (const std::runtime_error& error) {
      ++throws;
      REQUIRE(error.what() != std::string("the test waited too long"));
    }
  }
  std::sort(calls.begin(), calls.end());
  std::vector<std::string> expected{"close",     "end",  "hook0", "hook1", "hook2", "immediate",
                                    "microtask", "nop",  "piece", "piece", "piece", "poll",
                                    "send",      "tick", "timer", "waker", "work"};
  std::sort(expected.begin(), expected.end());
  CHECK(calls == expected);
  CHECK(throws == static_cast<int>(expected.size()));
}

TEST_ON_EACH_BACKEND("run_callback runs its argument, then ticks and microtasks") {
  std::string order;
  GuardedLoop loop(options);
  loop.run_callback([&] {
    loop.queue_microtask([&] { order += "microtask "; });
    loop.next_tick([&] { order += "tick "; });
    order += "callback ";
  });
  CHECK(order == "callback tick microtask ");
  CHECK_THROWS_AS(loop.run_callback([&] {
    loop.next_tick([&] { order += "later"; });
    throw std::runtime_error("from a callback");
  }),
                  std::runtime_error);
  CHECK(order == "callback tick microtask ");
  loop.run();
  CHECK(order == "callback tick microtask later");
}

TEST_ON_EACH_BACKEND("a signal every millisecond disturbs no operation") {
  options.sim.faults = false;
  const TemporaryDirectory home;
  SocketPair pair;
  Pipe pipe;
  const std::string content(100'000, 'c');
  const UniqueFd file = temporary_file(content);
  std::string buffer(content.size(), '?');
  const auto local = std::make_unique<sockaddr_un>();
  local->sun_family = AF_UNIX;
  std::strncpy(local->sun_path, (home / "socket").c_str(), sizeof local->sun_path - 1);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(local.get());
  REQUIRE(::bind(listener.get(), address, sizeof *local) == 0);
  REQUIRE(::listen(listener.get(), 100) == 0);
  GuardedLoop loop(options);
  const Storm storm;
  const auto begun = std::chrono::steady_clock::now();
  const std::string path = home / "file";
  struct statx status {};
  for (int round = 0; round < 20 || std::chrono::steady_clock::now() - begun < 300ms; ++round) {
    loop.guard.start(kDeadline);  // a disk may be slow
    const int fd = perform(loop, operations::open(path.c_str(), O_RDWR | O_CREAT, 0600));
    REQUIRE(fd >= 0);
    REQUIRE(perform(loop, operations::write(fd, content.data(), content.size(), std::int64_t{0})) ==
            static_cast<int>(content.size()));
    REQUIRE(perform(loop, operations::fsync(fd, false)) == 0);
    REQUIRE(perform(loop, operations::stat(AT_FDCWD, path.c_str(), 0, &status)) == 0);
    REQUIRE(perform(loop, operations::close(fd)) == 0);
    REQUIRE(perform(loop, operations::unlink(path.c_str(), 0)) == 0);
    REQUIRE(perform(loop, operations::read(file.get(), buffer.data(), buffer.size(),
                                           std::int64_t{0})) == static_cast<int>(content.size()));
    const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(perform(loop, operations::connect(client.get(), address, sizeof *local)) == 0);
    const int server = perform(loop, operations::accept(listener.get()));
    REQUIRE(server >= 0);
    REQUIRE(perform(loop, operations::send(server, "x", 1, 0)) == 1);
    char byte = 0;
    REQUIRE(perform(loop, operations::recv(client.get(), &byte, std::size_t{1})) == 1);
    loop.close_now(server);
    Request waiting;
    int result = 0;
    loop.read(waiting, pipe.out.get(), &byte, 1, kCurrentPosition,
              [&](Request& done) { result = done.result(); });
    Timer later(loop, [&] { REQUIRE(::write(pipe.in.get(), "x", 1) == 1); });
    later.start(3ms);
    loop.run();
    REQUIRE(result == 1);
  }
  CHECK(storm.count > 20);
}

TEST_ON_EACH_BACKEND(
    "a loop that goes takes every kind of request back, and keeps none's callback") {
  Pipe pipe, full;
  SocketPair pair;
  const TemporaryDirectory home;
  const UniqueFd listener(listen_on_loopback(0, 0));
  const UniqueFd queued(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener.get()))));
  const UniqueFd second(listen_on_loopback(0));
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const UniqueFd file = temporary_file(std::string(4096, 'x'));
  sockaddr_storage address{};
  socklen_t address_size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &address_size);
  ::fcntl(full.in.get(), F_SETFL, O_NONBLOCK);
  const std::string chunk(4096, 'x'), path = home / "file", other = home / "other";
  while (::write(full.in.get(), chunk.data(), chunk.size()) > 0) {
  }
  std::array<char, 4096> buffer{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  struct statx status {};
  // After every number of turns before the end, from none to a few.
  for (int turns = 0; turns < 4; ++turns) {
    CAPTURE(turns);
    std::vector<Request> requests(21);
    std::vector<Multishot> many(2);
    const auto held = std::make_shared<int>(0);
    int called_late = 0;
    bool gone = false;
    {
      std::unique_ptr<Loop> loop = std::make_unique<Loop>(options);
      Buffers buffers(*loop, 2, 8);
      const Done done = [&, held](Request&) { called_late += gone; };
      std::size_t next = 0;
      const auto start = [&](const Operation& op) { loop->start(requests[next++], op, done); };
      namespace ops = operations;
      start(ops::nop());
      start(ops::read(file.get(), buffer.data(), 4096, 0));
      start(ops::read(pipe.out.get(), buffer.data(), 1, kCurrentPosition));
      start(ops::write(file.get(), chunk.data(), 4096, 0));
      start(ops::write(full.in.get(), chunk.data(), 4096, kCurrentPosition));
      start(ops::readv(pipe.out.get(), &part, 1, kCurrentPosition));
      start(ops::writev(full.in.get(), &part, 1, kCurrentPosition));
      start(ops::fsync(file.get(), false));
      start(ops::stat(AT_FDCWD, "/", 0, &status));
      start(ops::rename(path.c_str(), other.c_str()));
      start(ops::unlink(path.c_str(), 0));
      start(ops::mkdir(home.path.c_str(), 0700));
      start(ops::accept(second.get()));
      start(ops::connect(client.get(), reinterpret_cast<sockaddr*>(&address), address_size));
      start(ops::recv(pair.a.get(), buffer.data(), 1));
      start(ops::send(pair.a.get(), "x", 1, 0));
      start(ops::recvmsg(pair.a.get(), &message));
      start(ops::poll(pipe.out.get(), POLLIN));
      start(ops::open("/dev/null", O_RDONLY, 0));
      loop->work(
          requests[next++], [held] {}, done);
      loop->slow_work(
          requests[next++], [held] {}, done);
      REQUIRE(next == requests.size());
      loop->accept_many(many[0], second.get(), done);
      loop->recv_many(many[1], pair.b.get(), buffers, done);
      requests[2].expire_after(1h);
      Hook count(*loop, Phase::check, [&] {
        if (loop->counters().turns == static_cast<std::uint64_t>(turns)) loop->stop();
      });
      count.unref();
      count.start();
      Hook awake(*loop, Phase::idle, {});
      awake.start();
      if (turns > 0) loop->run();
      gone = true;
      loop.reset();
    }
    CHECK(called_late == 0);
    CHECK(held.use_count() == 1);
    for (Request& request : requests) CHECK_FALSE(request.in_flight());
    for (Request& request : many) CHECK_FALSE(request.in_flight());
    const int opened = requests[18].result();
    CHECK((opened >= 0 || opened == -ECANCELED));
  }
}

TEST_ON_EACH_BACKEND(
    "in a forked child a loop refuses to run, and is destroyed without side effects") {
  const UniqueFd listener(listen_on_loopback(0));
  const auto port = static_cast<std::uint16_t>(port_of(listener.get()));
  SocketPair pair;
  std::vector<Request> requests(3);
  Multishot accepting, receiving;
  auto loop = std::make_unique<GuardedLoop>(options);
  auto buffers = std::make_unique<Buffers>(*loop, 2, 8);
  std::string got;
  int accepted = 0, worked = 0;
  loop->work(
      requests[0], [] {}, [&](Request& done) { worked += done.result() == 0; });
  loop->run();  // the threads are there
  loop->recv_many(receiving, pair.a.get(), *buffers, [&](Request&) {
    for (const std::byte byte : receiving.data()) got += static_cast<char>(byte);
  });
  loop->accept_many(accepting, listener.get(), [&](Request& done) {
    if (done.result() >= 0) ++accepted, loop->close_now(done.result()), accepting.cancel();
  });
  Waker waker(*loop, {});
  waker.unref();
  loop->set_immediate([&] { loop->stop(); });
  loop->run();
  const int verdict = in_child([&] {
    int refused = 0;
    Request late;
    try {
      loop->nop(late, {});
    } catch (const std::logic_error&) {
      ++refused;
    }
    try {
      loop->run();
    } catch (const std::logic_error&) {
      ++refused;
    }
    // What opens next has the numbers that the loop's descriptors had.
    std::array<UniqueFd, 4> others;
    for (UniqueFd& other : others) other = temporary_file("");
    waker.send();
    buffers.reset();
    loop.reset();
    struct stat status {};
    for (UniqueFd& other : others)
      if (::fstat(other.get(), &status) != 0 || status.st_size != 0) return 1;
    return refused == 2 ? 0 : 2;
  });
  CHECK(verdict == 0);
  const UniqueFd client(connect_to_loopback(port));
  REQUIRE(::write(pair.b.get(), "still here", 10) == 10);
  pair.b = UniqueFd();
  loop->run();
  CHECK(got == "still here");
  CHECK(accepted == 1);
  loop->work(
      requests[1], [] {}, [&](Request& done) { worked += done.result() == 0; });
  loop->run();
  CHECK(worked == 2);
}

TEST_ON_EACH_BACKEND("what a child frees of its parent's loop doesn't affect its own loop") {
  auto parents = std::make_unique<Loop>(options);
  auto parents_buffers = std::make_unique<Buffers>(*parents, 2, 8);
  CHECK(in_child([&] {
          Multishot receiving;
          GuardedLoop loop(options);  // its ring may well have the number of the parent's
          SocketPair pair;
          Buffers buffers(loop, 2, 8);
          parents_buffers.reset();
          parents.reset();
          int last = -1, calls = 0;
          loop.recv_many(receiving, pair.a.get(), buffers, [&](Request& done) {
            ++calls;
            last = done.result();
          });
          loop.set_immediate([&] {
            if (::write(pair.b.get(), "x", 1) != 1) ::_exit(3);
            pair.b = UniqueFd();
          });
          loop.run();
          return last == 0 && calls == 2 ? 0 : 1;
        }) == 0);
}

TEST_ON_EACH_BACKEND("a forked child doesn't keep its parent's closed listener accepting") {
  int listener = listen_on_loopback(0);
  const auto port = static_cast<std::uint16_t>(port_of(listener));
  Multishot accepting;
  auto loop = std::make_unique<Loop>(options);
  loop->accept_many(accepting, listener, {});
  loop->set_immediate([&] { loop->stop(); });
  loop->run();
  Pipe until, closed;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    until.in = UniqueFd();
    ::close(listener);  // the only one that it knows
    char byte = 'c';
    if (::write(closed.in.get(), &byte, 1) != 1) ::_exit(2);
    ::_exit(::read(until.out.get(), &byte, 1) == 0 ? 0 : 1);
  }
  loop.reset();
  ::close(listener);
  char byte = 0;
  REQUIRE(::read(closed.out.get(), &byte, 1) == 1);
  CHECK(connect_to_loopback(port) == -ECONNREFUSED);
  until.in = UniqueFd();
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_ON_EACH_BACKEND("use from another thread fails an assertion") {
  const auto stray = [&](const std::function<void(Loop&)>& use) {
    return in_child([&] {
      const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(nowhere, STDERR_FILENO);
      ::signal(SIGABRT, SIG_DFL);
      Loop loop(options);
      std::thread([&] { use(loop); }).join();
      return 0;
    });
  };
  Request request;
  CHECK(stray([](Loop& loop) { loop.run(); }) == -SIGABRT);
  CHECK(stray([&](Loop& loop) { loop.nop(request, {}); }) == -SIGABRT);
}

TEST_CASE("a ring polled by a kernel thread does everything, and so does one that counts iowait") {
  if (!why_no_uring().empty()) SKIP_TEST(why_no_uring());
  Options options;
  SECTION("sqpoll") { options.sqpoll = true; }
  SECTION("count_as_iowait") { options.count_as_iowait = true; }
  SECTION("sqpoll on one entry") {
    options.sqpoll = true;
    options.ring_entries = 1;
  }
  SocketPair pair;
  const UniqueFd file = temporary_file("content");
  std::array<char, 8> buffer{};
  Request waiting;
  GuardedLoop loop(options);
  REQUIRE(loop.backend_name() == std::string("uring"));
  for (int i = 0; i < 50; ++i) {
    loop.guard.start(kDeadline);
    REQUIRE(perform(loop, operations::read(file.get(), buffer.data(), buffer.size(),
                                           std::int64_t{0})) == 7);
    REQUIRE(perform(loop, operations::send(pair.b.get(), "x", 1, 0)) == 1);
    REQUIRE(perform(loop, operations::recv(pair.a.get(), buffer.data(), buffer.size())) == 1);
    REQUIRE(perform(loop, operations::nop()) == 0);
  }
  int result = 0;
  loop.recv(waiting, pair.a.get(), buffer.data(), 1,
            [&](Request& done) { result = done.result(); });
  waiting.expire_after(2ms);
  loop.run();
  CHECK(result == -ETIMEDOUT);
}

}  // namespace timeslice::loop::test
