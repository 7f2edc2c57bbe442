// SPDX-License-Identifier: MIT
// What does a loop cost that was written by hand on epoll for one work alone? `epoll_peer WORK
// COUNT DEPTH [WHERE]`: level-triggered, one buffer for all connections, the answer sent at once.
// Wakes go through an eventfd; `wake-edge` spares its read by edge triggering.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <thread>

#include "loop/core/net.h"
#include "works.h"

namespace {

using b5::Meter;
using b5::must;
using b5::Work;

class EpollSet {
 public:
  EpollSet() = default;
  ~EpollSet() { ::close(fd_); }
  EpollSet(const EpollSet&) = delete;
  EpollSet& operator=(const EpollSet&) = delete;

  void add(int fd, std::uint32_t events) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    must(::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  template <typename Serve>
  void turn(Serve serve) {
    const int count = ::epoll_wait(fd_, events_, std::size(events_), -1);
    if (count < 0 && errno != EINTR) b5::die("epoll_wait");
    for (int i = 0; i < count; ++i) serve(events_[i].data.fd);
  }

 private:
  int fd_ = must(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event events_[256];
};

class EchoServer {
 public:
  explicit EchoServer(Meter& meter)
      : meter_(meter), listener_(timeslice::loop::listen_on_loopback(0, 1024)) {
    if (listener_ < 0) b5::die("listen", -listener_);
    set_.add(listener_, EPOLLIN);
    b5::announce(timeslice::loop::port_of(listener_));
  }
  void serve() {
    while (!over_) set_.turn([this](int fd) { fd == listener_ ? welcome() : answer(fd); });
  }
  [[nodiscard]] long served() const { return bytes_ / long{b5::kMessage}; }

 private:
  void welcome() {
    const int fd =
        must(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), "accept4");
    timeslice::loop::set_no_delay(fd);
    if (open_++ == 0 && bytes_ == 0) meter_.start();
    set_.add(fd, EPOLLIN);
  }
  void answer(int fd) {
    const ssize_t size = ::recv(fd, data_, sizeof data_, 0);
    if (size <= 0) return leave(fd);
    bytes_ += size;
    if (::send(fd, data_, static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) leave(fd);
  }
  void leave(int fd) {
    ::close(fd);
    if (--open_ > 0) return;
    meter_.stop();
    over_ = true;
  }

  Meter& meter_;
  EpollSet set_;
  int listener_;
  long open_ = 0;
  long bytes_ = 0;
  bool over_ = false;
  char data_[4096];
};

int echo(Meter& meter) {
  EchoServer server(meter);
  server.serve();
  meter.report(server.served());
  return 0;
}

// One end of the wakes: an eventfd in an epoll set.
class Sleeper {
 public:
  explicit Sleeper(bool edge) : edge_(edge) { set_.add(fd_, edge ? EPOLLIN | EPOLLET : EPOLLIN); }
  ~Sleeper() { ::close(fd_); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  void wake() const {
    const std::uint64_t one = 1;
    must(::write(fd_, &one, sizeof one), "write to an eventfd");
  }
  void await() {
    set_.turn([this](int fd) {
      std::uint64_t count;
      if (!edge_) must(::read(fd, &count, sizeof count), "read of an eventfd");
    });
  }

 private:
  const bool edge_;
  EpollSet set_;
  int fd_ = must(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
};

int wake_from_thread(const Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  const b5::Answer answer;
  Sleeper here(work.name == "wake-edge");
  cpus.pin_first();
  meter.start();
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    for (long i = 0; i < work.count; ++i) {
      here.wake();
      answer.await();
    }
    measured.wait();
  });
  for (long i = 0; i < work.count; ++i) {
    here.await();
    answer.give();
  }
  meter.stop();
  measured.count_down();
  other.join();
  meter.report(work.count);
  return 0;
}

int wake_two_loops(const Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  Sleeper here(work.name == "wake-edge");
  Sleeper there(work.name == "wake-edge");
  cpus.pin_first();
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    for (long i = 0; i < work.count; ++i) {
      there.await();
      here.wake();
    }
    measured.wait();
  });
  meter.start();
  for (long i = 0; i < work.count; ++i) {
    there.wake();
    here.await();
  }
  meter.stop();
  measured.count_down();
  other.join();
  meter.report(work.count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Meter meter;
  const Work work = b5::work_of(argc, argv);
  if (work.name == "echo") return echo(meter);
  if (work.name.starts_with("wake") && work.depth == 1) return wake_from_thread(work, meter);
  if (work.name.starts_with("wake")) return wake_two_loops(work, meter);
  return b5::absent(work.name);
}
