// SPDX-License-Identifier: MIT
// What do the demo's tests share? A server in a process of its own, and plain blocking clients.
#pragma once
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "demo/demo.h"
#include "tests/loop/support.h"

namespace timeslice::demo::test {

using namespace std::chrono_literals;
using loop::BackendKind;
using loop::test::Pipe;
using nlohmann::json;

// Asks until it's true.
template <typename Condition>
bool await(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + loop::test::kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// The demo in a process of its own. `prepare` runs in it first.
class DemoProcess {
 public:
  explicit DemoProcess(DemoOptions options, const std::function<void()>& prepare = {}) {
    options.port = 0;
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) serve(options, prepare);
    errors_.in = UniqueFd();
    REQUIRE(await([&] { return said_.find("(backend ") != std::string::npos || !read_more(); }));
    const std::string before_port = "listening on http://127.0.0.1:";
    REQUIRE_THAT(said_, Catch::Matchers::StartsWith(before_port));
    port_ = static_cast<std::uint16_t>(std::stoi(said_.substr(before_port.size())));
  }
  ~DemoProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  const std::string& everything_said() {
    while (read_more()) {
    }
    return said_;
  }
  // Its exit status, or -1 if it doesn't end or a signal ended it.
  int wait() {
    int status = -1;
    if (!await([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; })) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int terminate() {
    ::kill(pid_, SIGTERM);
    return wait();
  }

 private:
  [[noreturn]] void serve(const DemoOptions& options, const std::function<void()>& prepare) {
    ::dup2(errors_.in.get(), STDERR_FILENO);
    try {
      if (prepare) prepare();
      run_demo(options);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  bool read_more() {
    std::array<char, 512> text{};
    const ssize_t size = ::read(errors_.out.get(), text.data(), text.size());
    if (size > 0) said_.append(text.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  Pipe errors_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string said_;
};

// A plain blocking client.
class Client {
 public:
  explicit Client(const DemoProcess& demo) : Client(demo.port()) {}
  explicit Client(std::uint16_t port) : socket_(loop::connect_to_loopback(port)) {
    REQUIRE(socket_);
    const timeval limit{.tv_sec = 120};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void send(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }
  std::string read_until(const std::string& end) {
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t size = 0;
    while ((end.empty() || text.find(end) == std::string::npos) &&
           (size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0)
      text.append(buffer.data(), static_cast<std::size_t>(size));
    return text;
  }
  std::string read_to_end() { return read_until(""); }
  // Data or the end has arrived within the time.
  bool readable(int milliseconds) {
    pollfd one{socket_.get(), POLLIN, 0};
    return ::poll(&one, 1, milliseconds) == 1;
  }
  [[nodiscard]] int fd() const { return socket_.get(); }
  void no_more() { ::shutdown(socket_.get(), SHUT_WR); }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_ = UniqueFd();
    const UniqueFd closed = std::move(socket_);
  }

 private:
  UniqueFd socket_;
};

inline std::string get(const std::string& target, bool close = false) {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" +
         (close ? "Connection: close\r\n" : "") + "\r\n";
}

// The whole answer to one request on a connection of its own.
inline std::string ask(const DemoProcess& demo, const std::string& request) {
  Client client(demo);
  client.send(request);
  return client.read_to_end();
}

inline std::string fetch(const DemoProcess& demo, const std::string& target) {
  return ask(demo, get(target, true));
}

inline std::string body_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

// Asks until it's answered: a server with short time limits may disconnect its client.
inline json stats_of(const DemoProcess& demo) {
  json stats;
  REQUIRE(await([&] {
    stats = json::parse(body_of(fetch(demo, "/stats")), nullptr, false);
    return !stats.is_discarded();
  }));
  return stats;
}

inline bool runs(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const std::size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text[name_end + 2] != 'Z';
}

inline pid_t child_of(pid_t pid) {
  const std::string id = std::to_string(pid);
  std::ifstream children("/proc/" + id + "/task/" + id + "/children");
  pid_t child = -1;
  children >> child;
  return child;
}

// The back ends that `timeslice demo` offers.
inline DemoOptions on_each_backend() {
  return {.backend = GENERATE(BackendKind::uring, BackendKind::pool, BackendKind::blocking)};
}

// And the one where a seed decides what goes wrong, and in which order.
inline DemoOptions on_every_backend() {
  DemoOptions options{.backend = GENERATE(BackendKind::uring, BackendKind::pool,
                                          BackendKind::blocking, BackendKind::sim)};
  options.sim = {.seed = 1, .faults = true, .outside_world = true};
  return options;
}

// Of a process, in KiB: VmRSS, VmHWM...
inline long memory_kib(pid_t pid, const std::string& key) {
  std::ifstream lines("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
  return -1;
}

// Raises this process's limit of descriptors as far as allowed; returns the limit.
inline rlim_t raise_descriptor_limit(rlim_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  const rlimit more{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  const rlimit all{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &more) != 0) ::setrlimit(RLIMIT_NOFILE, &all);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

// As a container's filter does, for the rest of this process's life. False without seccomp.
inline bool forbid_call(long number) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace timeslice::demo::test
