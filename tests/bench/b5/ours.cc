// SPDX-License-Identifier: MIT
// What does our loop cost? `ours uring|pool WORK COUNT DEPTH [WHERE]`, all through its public face.
#include <deque>
#include <latch>
#include <thread>

#include "loop/core/loop.h"
#include "loop/core/multishot.h"
#include "works.h"

namespace {

using namespace timeslice::loop;
using b5::Meter;

// DEPTH no-ops at a time; the next batch starts when all of this one have come back.
class Nops {
 public:
  Nops(Loop& loop, const b5::Work& work)
      : loop_(loop),
        batches_(work.count / work.depth),
        requests_(static_cast<std::size_t>(work.depth)) {}
  void start_batch() {
    if (batches_-- == 0) return;
    out_ = requests_.size();
    for (Request& request : requests_) loop_.nop(request, [this](Request&) { back(); });
  }

 private:
  void back() {
    if (--out_ == 0) start_batch();
  }
  Loop& loop_;
  long batches_;
  std::size_t out_ = 0;
  std::deque<Request> requests_;
};

int nops(Loop& loop, const b5::Work& work, Meter& meter) {
  Nops batches(loop, work);
  meter.start();
  batches.start_batch();
  loop.run();
  meter.stop();
  meter.report(work.count);
  return 0;
}

// DEPTH reads in flight until COUNT were started.
class Reads {
 public:
  Reads(Loop& loop, const b5::Work& work)
      : loop_(loop),
        file_(work.where, work.name == "read-warm"),
        left_(work.count),
        buffers_(work.depth) {
    for (long i = 0; i < work.depth; ++i) slots_.emplace_back().data = buffers_.at(i);
  }
  void start() {
    for (Slot& slot : slots_) next(slot);
  }

 private:
  struct Slot {
    Request request;
    char* data = nullptr;
  };
  void next(Slot& slot) {
    if (left_-- <= 0) return;
    loop_.read(slot.request, file_.fd(), slot.data, b5::kBlock, file_.next_offset(),
               [this, &slot](Request& request) {
                 b5::check_block(request.result());
                 next(slot);
               });
  }
  Loop& loop_;
  b5::BlockFile file_;
  long left_;
  b5::Buffers buffers_;
  std::deque<Slot> slots_;
};

int reads(Loop& loop, const b5::Work& work, Meter& meter) {
  Reads run(loop, work);
  meter.start();
  run.start();
  loop.run();
  meter.stop();
  meter.report(work.count);
  return 0;
}

// Serves until the last connection has gone.
class EchoServer {
 public:
  EchoServer(Loop& loop, Meter& meter)
      : loop_(loop), meter_(meter), listener_(listen_on_loopback(0, 1024)) {
    if (listener_ < 0) b5::die("listen", -listener_);
    loop_.accept_many(accepting_, listener_, [this](Request& request) {
      if (request.result() >= 0) return welcome(request.result());
      if (request.result() != -ECANCELED) b5::die("accept", -request.result());
    });
    b5::announce(port_of(listener_));
  }
  [[nodiscard]] long served() const { return bytes_ / long{b5::kMessage}; }

 private:
  struct Connection {
    int fd;
    Multishot receiving;
    Request sending;
    std::string out;   // being sent
    std::string next;  // came meanwhile
    bool over = false;
  };

  void welcome(int fd) {
    set_no_delay(fd);
    if (open_++ == 0 && bytes_ == 0) meter_.start();
    auto& connection = *new Connection;
    connection.fd = fd;
    loop_.recv_many(connection.receiving, fd, buffers_, [this, &connection](Request& request) {
      if (request.result() <= 0) return leave(connection);
      received(connection);
    });
  }
  void received(Connection& from) {
    const std::span<std::byte> data = from.receiving.data();
    bytes_ += static_cast<long>(data.size());
    from.next.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (!from.sending.in_flight()) answer(from);
  }
  void answer(Connection& to) {
    to.out.swap(to.next);
    to.next.clear();
    const auto sent = [this, &to](Request& request) {
      if (to.over || request.result() < static_cast<int>(to.out.size())) return leave(to);
      if (!to.next.empty()) answer(to);
    };
    loop_.send(to.sending, to.fd, to.out.data(), to.out.size(), sent, kLazy);
  }
  void leave(Connection& gone) {
    gone.over = true;
    gone.receiving.cancel();
    if (gone.receiving.in_flight() || gone.sending.in_flight()) return;  // and again at its end
    loop_.close_now(gone.fd);
    delete &gone;
    if (--open_ > 0) return;
    meter_.stop();
    accepting_.cancel();
  }

  Loop& loop_;
  Meter& meter_;
  int listener_;
  Multishot accepting_;
  Buffers buffers_{loop_, 256, 4096};
  long open_ = 0;
  long bytes_ = 0;
};

int echo(Loop& loop, const b5::Work&, Meter& meter) {
  EchoServer server(loop, meter);
  loop.run();
  meter.report(server.served());
  return 0;
}

int timers(Loop& loop, const b5::Work& work, Meter& meter) {
  const b5::TimerPlan plan(work);
  long fired = 0;
  std::deque<Timer> all;
  for (std::size_t i = 0; i < plan.delay_ms.size(); ++i) all.emplace_back(loop, [&] { ++fired; });
  for (long round = 0; round < plan.rounds; ++round) {
    loop.update_time();
    meter.start();
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i].start(std::chrono::milliseconds(plan.delay_ms[i]));
    if (work.name == "timer-expire") {
      meter.stop();
      b5::TimerPlan::let_them_expire();
      meter.start();
      loop.run();
    } else {
      for (const std::size_t i : plan.order) all[i].stop();
    }
    meter.stop();
  }
  if (fired != (work.name == "timer-expire" ? plan.all() : 0)) b5::die("timers lost", EIO);
  meter.report(plan.all());
  return 0;
}

// A thread wakes the loop, the loop answers, COUNT times.
int wake_from_thread(Loop& loop, const b5::Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  const b5::Answer answer;
  long woken = 0;
  Waker waker(loop, [&] {
    answer.give();
    if (++woken == work.count) loop.stop();
  });
  cpus.pin_first();
  meter.start();
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    for (long i = 0; i < work.count; ++i) {
      waker.send();
      answer.await();
    }
    measured.wait();
  });
  loop.run();
  meter.stop();
  measured.count_down();
  other.join();
  meter.report(work.count);
  return 0;
}

// Two loops wake each other.
int wake_two_loops(Loop& loop, const Options& options, const b5::Work& work, Meter& meter) {
  const b5::Cpus cpus(work.where);
  std::atomic<Waker*> there{nullptr};
  long woken = 0;
  Waker here(loop, [&] {
    if (++woken == work.count) return loop.stop();
    there.load(std::memory_order_relaxed)->send();
  });
  std::latch measured(1);  // until then the other thread stays, to be counted
  std::thread other([&] {
    cpus.pin_second();
    Loop second(options);
    long answered = 0;
    Waker waker(second, [&] {
      here.send();
      if (++answered == work.count) second.stop();
    });
    there = &waker;
    there.notify_one();
    second.run();
    measured.wait();
  });
  there.wait(nullptr);
  cpus.pin_first();
  meter.start();
  there.load()->send();
  loop.run();
  meter.stop();
  measured.count_down();
  other.join();
  meter.report(work.count);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Meter meter;
  const b5::Work work = b5::work_of(argc - 1, argv + 1);
  Options options;
  if (std::string_view(argv[1]) == "pool") options.backend = BackendKind::pool;
  Loop loop(options);
  if (loop.backend_name() != std::string_view(argv[1])) b5::die(loop.backend_note().c_str(), EPERM);

  if (work.name == "nop") return nops(loop, work, meter);
  if (work.name.starts_with("read-")) return reads(loop, work, meter);
  if (work.name == "echo") return echo(loop, work, meter);
  if (work.name.starts_with("timer-")) return timers(loop, work, meter);
  if (work.name == "wake" && work.depth == 1) return wake_from_thread(loop, work, meter);
  if (work.name == "wake") return wake_two_loops(loop, options, work, meter);
  return b5::absent(work.name);
}
