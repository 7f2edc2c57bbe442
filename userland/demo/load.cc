// SPDX-License-Identifier: MIT
#include "demo/load.h"

#include <fcntl.h>
#include <llhttp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <list>
#include <random>
#include <string>

#include "base/failure.h"
#include "loop/core/loop.h"

namespace timeslice::demo {

namespace {

using namespace std::chrono_literals;
constexpr int kClients = 8;
constexpr auto kRetry = 100ms;

// Some 300 requests a second in all, which leave a machine of two cores about half idle.
struct Share {
  const char* path;
  double weight;
};
constexpr Share kMix[] = {
    {"/", 64}, {"/file", 25}, {"/hash?iterations=20000", 10}, {"/block?ms=30", 1}};

class Client {
 public:
  Client(loop::Loop& loop, std::uint16_t port, unsigned seed)
      : loop_(loop), port_(port), random_(seed), pause_(loop, [this] { ask(); }) {
    ::llhttp_settings_init(&settings_);
    settings_.on_message_complete = [](llhttp_t* parser) {
      static_cast<Client*>(parser->data)->complete_ = true;
      return 0;
    };
    think();
  }

 private:
  // Connected blocking: on loopback the kernel answers for the server.
  bool connect() {
    if (fd_ >= 0) return true;
    fd_ = loop::connect_to_loopback(port_);
    if (fd_ < 0) return false;
    loop::set_no_delay(fd_);
    ::llhttp_init(&parser_, HTTP_RESPONSE, &settings_);
    parser_.data = this;
    return true;
  }

  void ask() {
    if (!connect()) return pause_.start(kRetry);
    complete_ = false;
    out_ = "GET " + choose() + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    loop_.send(request_, fd_, out_.data(), out_.size(), [this](loop::Request& done) {
      done.result() == static_cast<int>(out_.size()) ? receive() : reconnect();
    });
  }

  void receive() {
    loop_.recv(request_, fd_, in_.data(), in_.size(), [this](loop::Request& done) {
      if (done.result() <= 0) return reconnect();
      const auto size = static_cast<std::size_t>(done.result());
      if (::llhttp_execute(&parser_, in_.data(), size) != HPE_OK) return reconnect();
      complete_ ? think() : receive();
    });
  }

  void think() {
    pause_.start(
        std::chrono::microseconds(std::uniform_int_distribution<>(5'000, 40'000)(random_)));
  }

  void reconnect() {
    loop_.close_now(fd_);
    fd_ = -1;
    pause_.start(kRetry);
  }

  std::string choose() {
    static std::discrete_distribution<std::size_t> pick = [] {
      std::vector<double> weights;
      for (const Share& share : kMix) weights.push_back(share.weight);
      return std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
    }();
    return kMix[pick(random_)].path;
  }

  loop::Loop& loop_;
  std::uint16_t port_;
  std::mt19937 random_;
  int fd_ = -1;
  llhttp_t parser_{};
  llhttp_settings_t settings_{};
  bool complete_ = false;
  std::string out_;
  std::array<char, std::size_t{64} << 10> in_{};
  loop::Request request_;
  loop::Timer pause_;
};

[[noreturn]] void be_the_load(std::uint16_t port, int parent_lives) {
  {
    std::list<Client> clients;
    loop::Request parent_gone;
    // Its own back end is the pool's epoll: the load should look like any other client.
    loop::Loop loop({.backend = loop::BackendKind::pool});
    for (unsigned i = 0; i < kClients; ++i) clients.emplace_back(loop, port, i + 1);
    loop.poll(parent_gone, parent_lives, POLLIN, [&](loop::Request&) { loop.stop(); });
    loop.run();
  }
  ::_exit(0);
}

}  // namespace

LoadProcess::LoadProcess(std::uint16_t port) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw failure_from_errno("cannot make a pipe for the demo's load", errno);
  UniqueFd parent_lives(ends[0]);
  alive_ = UniqueFd(ends[1]);
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ < 0) throw failure_from_errno("cannot fork the demo's load", errno);
  if (child_ != 0) return;
  ::prctl(PR_SET_NAME, "demo-load");
  ::signal(SIGTERM, SIG_DFL);  // whatever handler the parent has is not for us
  ::signal(SIGHUP, SIG_IGN);   // to the whole group: the parent decides what follows
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(0);  // it died before we asked to be told
  constexpr int kFirst = STDERR_FILENO + 1;
  if (parent_lives.get() != kFirst) ::dup2(parent_lives.get(), kFirst);
  ::close_range(kFirst + 1, ~0U, 0);  // a listener held here would go on accepting after its end
  be_the_load(port, kFirst);
}

void LoadProcess::stop() {
  if (child_ <= 0) return;
  ::kill(child_, SIGTERM);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
}

}  // namespace timeslice::demo
