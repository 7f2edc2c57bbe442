// SPDX-License-Identifier: MIT
// What is the least that the same work can cost on io_uring? `bare_ring WORK COUNT DEPTH [WHERE]`:
// liburing with nothing around it, each work written out for itself alone. This is the limit that
// our loop is held against. The echo uses multishot receives into a ring of provided buffers, the
// wake is a message from ring to ring.
#include <liburing.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <thread>

#include "loop/core/net.h"
#include "works.h"

namespace {

using b5::Meter;
using b5::Work;

class Ring {
 public:
  explicit Ring(unsigned entries = 256) {
    const unsigned flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    check(::io_uring_queue_init(entries, &ring_, flags), "io_uring_queue_init");
    check(::io_uring_register_ring_fd(&ring_), "io_uring_register_ring_fd");
  }
  ~Ring() { ::io_uring_queue_exit(&ring_); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  static int check(int result, const char* what) {
    if (result < 0) b5::die(what, -result);
    return result;
  }
  [[nodiscard]] int fd() const { return ring_.ring_fd; }
  [[nodiscard]] io_uring* raw() { return &ring_; }
  io_uring_sqe* sqe() {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (!entry) {
      check(::io_uring_submit(&ring_), "io_uring_submit");
      entry = ::io_uring_get_sqe(&ring_);
    }
    return entry;
  }
  void submit_and_wait(unsigned count) {
    check(::io_uring_submit_and_wait(&ring_, count), "io_uring_submit_and_wait");
  }
  template <typename Take>
  void turn(unsigned wait_for, Take take) {
    submit_and_wait(wait_for);
    reap(take);
  }
  template <typename Take>
  void reap(Take take) {
    unsigned head;
    unsigned count = 0;
    io_uring_cqe* cqe;
    io_uring_for_each_cqe(&ring_, head, cqe) {
      ++count;
      take(*cqe);
    }
    ::io_uring_cq_advance(&ring_, count);
  }

 private:
  io_uring ring_{};
};

int nops(const Work& work, Meter& meter) {
  Ring ring;
  meter.start();
  for (long batch = work.count / work.depth; batch > 0; --batch) {
    for (long i = 0; i < work.depth; ++i) ::io_uring_prep_nop(ring.sqe());
    ring.turn(static_cast<unsigned>(work.depth),
              [](const io_uring_cqe& cqe) { Ring::check(cqe.res, "a no-op"); });
  }
  meter.stop();
  meter.report(work.count);
  return 0;
}

int reads(const Work& work, Meter& meter) {
  b5::BlockFile file(work.where, work.name == "read-warm");
  const b5::Buffers buffers(work.depth);
  Ring ring;
  long left = work.count;
  long in_flight = 0;
  const auto next = [&](std::uint64_t slot) {
    if (left == 0) return;
    io_uring_sqe* sqe = ring.sqe();
    ::io_uring_prep_read(sqe, file.fd(), buffers.at(static_cast<long>(slot)), b5::kBlock,
                         static_cast<std::uint64_t>(file.next_offset()));
    sqe->user_data = slot;
    --left;
    ++in_flight;
  };
  meter.start();
  for (long slot = 0; slot < work.depth; ++slot) next(static_cast<std::uint64_t>(slot));
  while (in_flight > 0)
    ring.turn(1, [&](const io_uring_cqe& cqe) {
      b5::check_block(cqe.res);
      --in_flight;
      next(cqe.user_data);
    });
  meter.stop();
  meter.report(work.count);
  return 0;
}

class EchoServer {
 public:
  explicit EchoServer(Meter& meter) : meter_(meter) {
    give_buffers();
    listener_ = Ring::check(timeslice::loop::listen_on_loopback(0, 1024), "listen");
    b5::announce(timeslice::loop::port_of(listener_));
    accept();
  }
  ~EchoServer() { std::free(buffer_ring_); }
  void serve() {
    while (!over_) {
      ring_.submit_and_wait(1);
      for (const unsigned buffer : sent_) give_back(buffer);
      sent_.clear();
      ring_.reap([this](const io_uring_cqe& cqe) { take(cqe); });
    }
  }
  [[nodiscard]] long served() const { return bytes_ / long{b5::kMessage}; }

 private:
  static constexpr unsigned kBuffers = 256;
  static constexpr unsigned kSize = 4096;
  enum Op : std::uint64_t { kAccept, kReceive, kSend };
  // What a completion must tell: op and descriptor.
  static std::uint64_t mark(Op op, int fd) { return op << 32 | static_cast<unsigned>(fd); }

  void give_buffers() {
    const std::size_t bytes = kBuffers * sizeof(io_uring_buf);
    buffer_ring_ = static_cast<io_uring_buf_ring*>(std::aligned_alloc(b5::kBlock, bytes));
    ::io_uring_buf_ring_init(buffer_ring_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(buffer_ring_);
    registration.ring_entries = kBuffers;
    Ring::check(::io_uring_register_buf_ring(ring_.raw(), &registration, 0), "buffers");
    for (unsigned buffer = 0; buffer < kBuffers; ++buffer) give_back(buffer);
  }
  void give_back(unsigned buffer) {
    ::io_uring_buf_ring_add(buffer_ring_, data_.at(buffer), kSize,
                            static_cast<unsigned short>(buffer), ::io_uring_buf_ring_mask(kBuffers),
                            0);
    ::io_uring_buf_ring_advance(buffer_ring_, 1);
  }

  void accept() {
    io_uring_sqe* sqe = ring_.sqe();
    ::io_uring_prep_accept(sqe, listener_, nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = mark(kAccept, listener_);
  }
  void receive(int fd) {
    io_uring_sqe* sqe = ring_.sqe();
    ::io_uring_prep_recv_multishot(sqe, fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->user_data = mark(kReceive, fd);
  }
  // Done whole within its submission, or it fails: so no news is good news, the completion of an
  // answer ends no wait, and its buffer is free once the kernel has taken the entry.
  void send(int fd, unsigned buffer, int size) {
    io_uring_sqe* sqe = ring_.sqe();
    ::io_uring_prep_send(sqe, fd, data_.at(buffer), static_cast<std::size_t>(size),
                         MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = mark(kSend, fd);
    sent_.push_back(buffer);
  }

  void take(const io_uring_cqe& cqe) {
    const int fd = static_cast<int>(cqe.user_data);
    switch (static_cast<Op>(cqe.user_data >> 32)) {
      case kAccept:
        return welcome(Ring::check(cqe.res, "accept"));
      case kReceive:
        return received(fd, cqe);
      case kSend:
        if (cqe.res != -EPIPE && cqe.res != -ECONNRESET) b5::die("an answer", -cqe.res);
    }
  }
  void welcome(int fd) {
    timeslice::loop::set_no_delay(fd);
    if (open_++ == 0 && bytes_ == 0) meter_.start();
    receive(fd);
    accept();
  }
  void received(int fd, const io_uring_cqe& cqe) {
    if (cqe.res <= 0 && cqe.res != -ENOBUFS) return leave(fd);
    if (cqe.res > 0) {
      bytes_ += cqe.res;
      send(fd, cqe.flags >> IORING_CQE_BUFFER_SHIFT, cqe.res);
    }
    if (!(cqe.flags & IORING_CQE_F_MORE)) receive(fd);
  }
  void leave(int fd) {
    ::close(fd);
    if (--open_ > 0) return;
    meter_.stop();
    over_ = true;
  }

  Meter& meter_;
  Ring ring_;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  b5::Buffers data_{kBuffers};
  int listener_ = -1;
  std::vector<unsigned> sent_;  // buffers in this turn's answers
  long open_ = 0;
  long bytes_ = 0;
  bool over_ = false;
};

int echo(Meter& meter) {
  EchoServer server(meter);
  server.serve();
  meter.report(server.served());
  return 0;
}

// The message goes out with the call that waits for the answer.
void tell(Ring& ring, int to) {
  io_uring_sqe* sqe = ring.sqe();
  ::io_uring_prep_msg_ring(sqe, to, 0, 1, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

long count_messages(Ring& ring) {
  long messages = 0;
  ring.turn(1, [&](const io_uring_cqe& cqe) {
    Ring::check(cqe.res, "a message");
    messages += cqe.user_data == 1;
  });
  return messages;
}

int wake_two_rings(const Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  cpus.pin_first();
  Ring here;
  std::atomic<int> there{-1};
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    Ring ring;
    there = ring.fd();
    there.notify_one();
    for (long left = work.count; left > 0; tell(ring, here.fd())) left -= count_messages(ring);
    Ring::check(::io_uring_submit(ring.raw()), "the last answer");
    measured.wait();
  });
  there.wait(-1);
  meter.start();
  for (long left = work.count; left > 0; left -= count_messages(here)) tell(here, there);
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
  if (work.name == "nop") return nops(work, meter);
  if (work.name.starts_with("read-")) return reads(work, meter);
  if (work.name == "echo") return echo(meter);
  if (work.name == "wake" && work.depth == 2) return wake_two_rings(work, meter);
  return b5::absent(work.name);
}
