// SPDX-License-Identifier: MIT
// Can the demo hold ten thousand connections at the same time, and what does an idle one cost?
#include <sys/socket.h>

#include "tests/loop/demo_support.h"

namespace timeslice::demo::test {

namespace {

constexpr std::size_t kCrowd = 10'000;
constexpr std::size_t kBatch = 250;       // connect at once: a listener's queue has room for 511
constexpr std::size_t kMostBytes = 2048;  // of the server's memory, per idle connection

// Ten thousand clients in a process of their own, since each has a descriptor on either side. A
// command is a letter, which is sent back when it is done: (c)onnect, (a)sk, (l)eave.
class Crowd {
 public:
  explicit Crowd(const DemoProcess& demo) {
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ::_exit(live(demo.port()));
    orders_.out = UniqueFd();
    reports_.in = UniqueFd();
  }
  ~Crowd() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  bool does(char order) {
    char report = 0;
    return ::write(orders_.in.get(), &order, 1) == 1 &&
           ::read(reports_.out.get(), &report, 1) == 1 && report == order;
  }

 private:
  int live(std::uint16_t port) {
    orders_.in = UniqueFd();
    reports_.out = UniqueFd();
    if (raise_descriptor_limit(kCrowd + 100) < kCrowd + 100) return 1;
    for (char order; ::read(orders_.out.get(), &order, 1) == 1;) {
      if (order == 'c' && !connect_some(port)) return 2;
      if (order == 'a' && !ask_all()) return 3;
      if (order == 'l') clients_.clear();
      if (::write(reports_.in.get(), &order, 1) != 1) return 4;
    }
    return 0;
  }
  bool connect_some(std::uint16_t port) {
    const linger now{.l_onoff = 1, .l_linger = 0};  // leaves no port in TIME_WAIT
    for (std::size_t i = 0; i < kBatch; ++i) {
      clients_.emplace_back(loop::connect_to_loopback(port));
      if (!clients_.back()) return false;
      ::setsockopt(clients_.back().get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    return true;
  }
  // All requests first, and then the answers.
  bool ask_all() {
    const std::string request = get("/");
    for (const UniqueFd& client : clients_)
      if (::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size()))
        return false;
    for (const UniqueFd& client : clients_) {
      std::string answer;
      std::array<char, 1024> buffer{};
      while (!answer.ends_with("loop.\n")) {
        const ssize_t size = ::recv(client.get(), buffer.data(), buffer.size(), 0);
        if (size <= 0) return false;
        answer.append(buffer.data(), static_cast<std::size_t>(size));
      }
      if (!answer.starts_with("HTTP/1.1 200 ")) return false;
    }
    return true;
  }

  Pipe orders_, reports_;
  pid_t pid_ = -1;
  std::vector<UniqueFd> clients_;
};

std::size_t bytes_each(const DemoProcess& demo, long before_kib) {
  return static_cast<std::size_t>(memory_kib(demo.pid(), "VmRSS") - before_kib) * 1024 / kCrowd;
}

}  // namespace

TEST_CASE("demo crowd: ten thousand connections, each answered twice, in little memory") {
  const DemoOptions options = on_each_backend();
  CAPTURE(static_cast<int>(options.backend));
  rlim_t descriptors = 0;
  {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    descriptors = limit.rlim_max;
  }
  if (descriptors < kCrowd + 100 && ::geteuid() != 0)
    SKIP_TEST("ten thousand connections need a limit of 10,100 descriptors (ulimit -Hn)");
  DemoProcess demo(options, [] { raise_descriptor_limit(kCrowd + 100); });
  REQUIRE(stats_of(demo)["connections"] == 1);
  const long before_kib = memory_kib(demo.pid(), "VmRSS");
  Crowd crowd(demo);
  for (std::size_t connected = kBatch; connected <= kCrowd; connected += kBatch) {
    REQUIRE(crowd.does('c'));
    REQUIRE(await([&] { return stats_of(demo)["connections"] == connected + 1; }));
  }
  const std::size_t idle_bytes = bytes_each(demo, before_kib);
  CHECK(crowd.does('a'));
  CHECK(crowd.does('a'));
  const std::size_t used_bytes = bytes_each(demo, before_kib);
  CAPTURE(idle_bytes, used_bytes);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(idle_bytes <= kMostBytes);
  CHECK(used_bytes <= kMostBytes);
#endif
  const json stats = stats_of(demo);
  CHECK(stats["requests"]["/"] == 2 * kCrowd);
  CHECK(stats["connections"] == kCrowd + 1);
  CHECK(stats["timed_out"] == 0);
  REQUIRE(crowd.does('l'));
  CHECK(await([&] { return stats_of(demo)["connections"] == 1; }));
  CHECK(demo.terminate() == 0);
}

}  // namespace timeslice::demo::test
