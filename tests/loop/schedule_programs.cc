// SPDX-License-Identifier: MIT
// What do small programs on a loop do? They relay bytes, cancel, time out, share buffers, connect,
// compute and write files; each checks what must hold under any schedule.
#include <poll.h>
#include <sys/mman.h>
#include <sys/un.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "tests/loop/schedule.h"

namespace timeslice::loop::test {

namespace {

std::string letters(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + i * 7 % 90);
  return text;
}

// What is left in a socket.
std::string drained(int fd) {
  std::string text;
  char byte;
  while (::recv(fd, &byte, 1, MSG_DONTWAIT) == 1) text += byte;
  return text;
}

// Sends all of a text in pieces, then closes its end.
struct Sender {
  Sender(Schedule& schedule, UniqueFd socket, std::string all)
      : s(schedule), fd(std::move(socket)), text(std::move(all)) {}
  void go_on() {
    if (sent == text.size()) {
      s.loop().close_now(fd.release());
      return;
    }
    const std::size_t size = 1 + s.below(std::min<std::size_t>(text.size() - sent, 40));
    s.start(request, operations::send(fd.get(), text.data() + sent, size, 0), [this](Request& r) {
      s.require(r.result() > 0, "a send failed");
      sent += static_cast<std::size_t>(r.result());
      go_on();
    });
  }
  Schedule& s;
  UniqueFd fd;
  const std::string text;
  std::size_t sent = 0;
  Request request;
};

// Receives until the end.
struct Receiver {
  void go_on() {
    s.start(request, operations::recv(fd, buffer.data(), buffer.size()), [this](Request& r) {
      s.require(r.result() >= 0, "a receive failed");
      if (r.result() == 0) {
        ended = true;
        return;
      }
      text.append(buffer.data(), static_cast<std::size_t>(r.result()));
      go_on();
    });
  }
  Schedule& s;
  int fd;
  std::string text{};
  bool ended = false;
  Request request{};
  std::array<char, 32> buffer{};
};

// Passes on what it receives: all of it or, with a bug, what the first send takes.
struct Relay {
  void receive() {
    s.start(request, operations::recv(from, buffer.data(), buffer.size()), [this](Request& r) {
      s.require(r.result() >= 0, "a relay's receive failed");
      if (r.result() == 0) {
        s.loop().close_now(to.release());
        return;
      }
      send(0, static_cast<std::size_t>(r.result()));
    });
  }
  void send(std::size_t at, std::size_t size) {
    s.start(request, operations::send(to.get(), buffer.data() + at, size - at, 0),
            [this, at, size](Request& r) {
              s.require(r.result() > 0, "a relay's send failed");
              const std::size_t done = at + static_cast<std::size_t>(r.result());
              if (done < size && !forgets) return send(done, size);
              receive();
            });
  }
  Schedule& s;
  int from;
  UniqueFd to;
  bool forgets;
  Request request{};
  std::array<char, 24> buffer{};
};

void pipeline(Schedule& s, bool forgets) {
  SocketPair first, second;
  Sender sender(s, std::move(first.a), letters(200));
  Relay relay{s, first.b.get(), std::move(second.a), forgets};
  Receiver receiver{s, second.b.get()};
  std::array<std::function<void()>, 3> starts{[&] { sender.go_on(); }, [&] { relay.receive(); },
                                              [&] { receiver.go_on(); }};
  std::swap(starts[0], starts[s.below(3)]);
  for (const auto& start : starts) start();
  s.finish();
  s.require(receiver.ended, "the end never arrived");
  s.require(receiver.text == sender.text, "bytes were lost or changed places");
}

void whole_pipeline(Schedule& s) { pipeline(s, false); }
void forgetful_pipeline(Schedule& s) { pipeline(s, true); }

// Timers stop, restart and repeat each other: none fires early, none that was stopped fires.
void timers(Schedule& s) {
  constexpr std::size_t kTimers = 8;
  struct Each {
    std::unique_ptr<Timer> timer;
    Nanoseconds due{-1};  // none: it must not fire
    int left = 3;
  };
  std::array<Each, kTimers> all;
  Nanoseconds before{0};
  const auto start = [&](Each& each) {
    const Nanoseconds delay{s.chance(20) ? 0 : s.below(3'600'000'000'000)};
    each.due = s.loop().now() + delay;
    each.timer->start(delay);
  };
  for (std::size_t i = 0; i < kTimers; ++i)
    all[i].timer = std::make_unique<Timer>(s.loop(), [&, i] {
      Each& each = all[i];
      s.require(each.due >= Nanoseconds{0}, "a stopped timer fired");
      s.require(s.loop().now() >= each.due, "a timer fired early");
      s.require(s.loop().now() >= before, "time ran backwards");
      before = s.loop().now();
      each.due = Nanoseconds{-1};
      s.note(i, before.count());
      Each& other = all[s.below(kTimers)];
      if (s.chance(30)) {
        other.timer->stop();
        other.due = Nanoseconds{-1};
      }
      if (each.left-- > 0 && s.chance(60)) start(other);
      s.maybe_throw();
    });
  for (Each& each : all) start(each);
  s.finish();
  for (const Each& each : all) s.require(each.due < Nanoseconds{0}, "a timer never fired");
}

// Receives with deadlines, cancels and late data: each result has its reason, no byte is lost.
void deadlines(Schedule& s, bool trusts_cancel) {
  constexpr std::size_t kReceives = 5;
  struct Each {
    SocketPair pair;
    std::array<char, 8> buffer{};
    bool cancelled = false;
    Nanoseconds limit{-1};
    std::string got;
    Request request;
  };
  std::array<Each, kReceives> all;
  std::vector<std::unique_ptr<Timer>> timers;
  std::array<std::string, kReceives> written;
  const auto later = [&](Task task) {
    timers.push_back(std::make_unique<Timer>(s.loop(), std::move(task)));
    timers.back()->start(Nanoseconds{s.below(20'000)});
  };
  for (std::size_t i = 0; i < kReceives; ++i) {
    Each& each = all[i];
    s.start(
        each.request, operations::recv(each.pair.a.get(), each.buffer.data(), 8), [&](Request& r) {
          const int result = r.result();
          if (result == -ECANCELED) s.require(each.cancelled, "cancelled by nobody");
          if (result == -ETIMEDOUT)
            s.require(each.limit >= Nanoseconds{0} && s.loop().now() >= each.limit,
                      "timed out early");
          s.require(result > 0 || result == -ECANCELED || result == -ETIMEDOUT, "a strange end");
          if (trusts_cancel && each.cancelled) return;
          if (result > 0) each.got.assign(each.buffer.data(), static_cast<std::size_t>(result));
        });
    if (s.chance(50)) {
      const Nanoseconds limit{s.below(20'000)};
      each.limit = s.loop().now() + limit;
      each.request.expire_after(limit);
    }
    if (s.chance(60))
      later([&s, &each, &text = written[i]] {
        text = letters(1 + s.below(8));
        s.require(::write(each.pair.b.get(), text.data(), text.size()) > 0, "a write failed");
      });
    const auto cancel = [&each] {
      each.cancelled = each.cancelled || each.request.in_flight();
      each.request.cancel();
    };
    later(cancel);
    if (s.chance(50)) later(cancel);
  }
  s.finish();
  for (std::size_t i = 0; i < kReceives; ++i)
    s.require(all[i].got + drained(all[i].pair.a.get()) == written[i], "a byte was lost");
}

void careful_deadlines(Schedule& s) { deadlines(s, false); }
void trusting_deadlines(Schedule& s) { deadlines(s, true); }

// Streams with fewer buffers than they need; some are cancelled, and then keep their rest.
void shared_buffers(Schedule& s) {
  constexpr std::size_t kStreams = 3;
  struct Each {
    SocketPair pair;
    std::unique_ptr<Sender> sender;
    std::string got;
    bool last = false, cancelled = false;
    Multishot request;
  };
  std::array<Each, kStreams> all;
  Buffers buffers(s.loop(), 2, 7);
  std::vector<std::unique_ptr<Timer>> timers;
  for (Each& each : all) {
    each.sender = std::make_unique<Sender>(s, std::move(each.pair.b), letters(20 + s.below(60)));
    s.loop().recv_many(each.request, each.pair.a.get(), buffers, [&](Request& r) {
      s.require(!each.last, "a callback came after the last one");
      each.last = !each.request.more();
      s.require(each.last == (r.result() <= 0), "the last one has an end's result, and only it");
      if (r.result() < 0)
        s.require(r.result() == -ECANCELED && each.cancelled, "cancelled by nobody");
      for (const std::byte byte : each.request.data()) each.got += static_cast<char>(byte);
      s.came_back(99, r);
      s.maybe_throw();
    });
    each.sender->go_on();
    if (!s.chance(30)) continue;
    timers.push_back(std::make_unique<Timer>(s.loop(), [&] {
      each.cancelled = each.cancelled || each.request.in_flight();
      each.request.cancel();
    }));
    timers.back()->start(Nanoseconds{s.below(20'000)});
  }
  s.run();
  for (Each& each : all) {
    s.require(each.last, "a stream never ended");
    s.require(each.got + drained(each.pair.a.get()) == each.sender->text,
              "bytes were lost or changed places");
  }
  s.finish();
}

// A server on a unix socket: as many connections as clients, each gets its own data back.
void connections(Schedule& s) {
  constexpr std::size_t kCallers = 4;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof address.sun_family;  // the kernel picks a name
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  s.require(::bind(listener.get(), generic, size) == 0 && ::listen(listener.get(), 16) == 0,
            "no listener");
  size = sizeof address;
  ::getsockname(listener.get(), generic, &size);

  struct Call {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Request connecting;
    std::unique_ptr<Receiver> receiver;
    Request sending;
    char word = 0;
  };
  std::array<Call, kCallers> calls;
  std::vector<std::unique_ptr<Relay>> relays;
  Multishot accepting;
  bool last = false;
  s.loop().accept_many(accepting, listener.get(), [&](Request& r) {
    s.require(!last, "a callback came after the last one");
    last = !accepting.more();
    if (r.result() < 0) return s.require(r.result() == -ECANCELED, "an accept failed");
    s.came_back(98, r);
    relays.push_back(std::unique_ptr<Relay>(new Relay{s, r.result(), UniqueFd(r.result()), false}));
    relays.back()->receive();
    if (relays.size() == kCallers) accepting.cancel();
    s.maybe_throw();
  });
  for (std::size_t i = 0; i < kCallers; ++i) {
    Call& call = calls[i];
    call.word = static_cast<char>('a' + i);
    s.start(call.connecting, operations::connect(call.fd.get(), generic, size), [&](Request& r) {
      s.require(r.result() == 0, "a connect failed");
      call.receiver.reset(new Receiver{s, call.fd.get()});
      call.receiver->go_on();
      s.start(call.sending, operations::send(call.fd.get(), &call.word, 1, 0), [&](Request& sent) {
        s.require(sent.result() == 1, "a send failed");
        ::shutdown(call.fd.get(), SHUT_WR);
      });
    });
  }
  s.finish();
  s.require(last && relays.size() == kCallers, "not each caller was accepted");
  for (const Call& call : calls)
    s.require(
        call.receiver && call.receiver->ended && call.receiver->text == std::string{call.word},
        "a caller got other words than its own");
}

// Jobs, immediates, ticks and microtasks: each once, ticks before anything else.
void jobs(Schedule& s) {
  constexpr std::size_t kJobs = 6;
  std::array<Request, kJobs> requests;
  std::array<int, kJobs> ran{};
  int owed = 0;  // ticks and microtasks that must run before the next callback
  std::deque<std::size_t> queued;
  std::size_t next = 0;
  const auto owe = [&] {
    s.require(owed == 0, "a callback came before the ticks of another one");
    owed = 2;
    s.loop().queue_microtask([&] { s.require(--owed == 0, "a microtask came before a tick"); });
    s.loop().next_tick([&] { s.require(--owed == 1, "a tick came after a microtask"); });
  };
  const std::function<void()> immediate = [&] {
    const std::size_t number = next++;
    queued.push_back(number);
    s.loop().set_immediate([&, number] {
      s.require(!queued.empty() && queued.front() == number, "immediates changed places");
      queued.pop_front();
      owe();
      s.note(number, 7);
      if (next < 12 && s.chance(70)) immediate();
      s.maybe_throw();
    });
  };
  for (std::size_t i = 0; i < kJobs; ++i) {
    const bool cancels = s.chance(40);
    const auto job = [&, i] { ++ran[i]; };
    const Done done = s.once([&, i, cancels](Request& r) {
      owe();
      s.require(r.result() == 0 || (r.result() == -ECANCELED && cancels), "a strange end of a job");
      s.require(ran[i] == (r.result() == 0), "a job ran that was cancelled, or not once");
      if (s.chance(50)) immediate();
    });
    if (s.chance(50))
      s.loop().work(requests[i], job, done);
    else
      s.loop().slow_work(requests[i], job, done);
    if (cancels) s.loop().set_immediate([&, i] { requests[i].cancel(); });
  }
  immediate();
  s.finish();
  s.require(owed == 0 && queued.empty(), "something that was queued never ran");
}

// A file is written in parts concurrently, and read back by others: no byte is misplaced.
void files(Schedule& s) {
  constexpr std::size_t kParts = 4, kSize = 30;
  const UniqueFd fd(::memfd_create("schedule", MFD_CLOEXEC));
  const std::string text = letters(kParts * kSize);
  std::string back(text.size(), '?');
  std::array<Request, kParts> requests;
  const std::function<void(std::size_t, std::size_t)> read = [&](std::size_t i, std::size_t at) {
    if (at == (i + 1) * kSize) return;
    s.start(
        requests[i],
        operations::read(fd.get(), &back[at], (i + 1) * kSize - at, static_cast<std::int64_t>(at)),
        [&, i, at](Request& r) {
          s.require(r.result() > 0, "a read failed");
          read(i, at + static_cast<std::size_t>(r.result()));
        });
  };
  const std::function<void(std::size_t, std::size_t)> write = [&](std::size_t i, std::size_t at) {
    if (at == (i + 1) * kSize) return read(i, i * kSize);
    s.start(
        requests[i],
        operations::write(fd.get(), &text[at], (i + 1) * kSize - at, static_cast<std::int64_t>(at)),
        [&, i, at](Request& r) {
          s.require(r.result() > 0, "a write failed");
          write(i, at + static_cast<std::size_t>(r.result()));
        });
  };
  for (std::size_t i = 0; i < kParts; ++i) write(i, i * kSize);
  s.finish();
  s.require(back == text, "the file isn't what was written");
}

// The loop is destroyed at any moment, with all kinds of requests in flight: no more callbacks.
void sudden_end(Schedule& s) {
  SocketPair pair;
  Pipe pipe;
  const UniqueFd file(::memfd_create("schedule", MFD_CLOEXEC));
  std::array<char, 16> buffer{};
  std::array<Request, 7> requests;
  Multishot receiving;
  {
    Buffers buffers(s.loop(), 1, 4);
    std::array<Operation, 7> all{
        operations::nop(),
        operations::recv(pair.a.get(), buffer.data(), 4),
        operations::send(pair.b.get(), "letters", 7, 0),
        operations::read(pipe.out.get(), buffer.data(), 1, kCurrentPosition),
        operations::write(file.get(), "x", 1, 0),
        operations::poll(pair.a.get(), POLLIN),
        operations::write(pipe.in.get(), "y", 1, kCurrentPosition),
    };
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[s.below(i)]);
    for (std::size_t i = 0; i < all.size(); ++i) {
      s.start(requests[i], all[i], {});
      if (s.chance(30)) requests[i].expire_after(Nanoseconds{s.below(5'000)});
    }
    s.loop().recv_many(receiving, pair.a.get(), buffers, [&](Request& r) { s.came_back(97, r); });
    Timer end(s.loop(), [&] { s.loop().stop(); });
    end.start(Nanoseconds{s.below(8'000)});
    if (s.chance(90)) s.run();
    end.stop();
    s.end_loop();
  }
  for (const Request& request : requests)
    s.require(!request.in_flight(), "a request is in flight without a loop");
  s.require(!receiving.in_flight(), "a request is in flight without a loop");
}

}  // namespace

const std::vector<NamedProgram> kPrograms{
    {"pipeline", whole_pipeline},
    {"timers", timers},
    {"deadlines", careful_deadlines},
    {"shared buffers", shared_buffers},
    {"connections", connections},
    {"jobs", jobs},
    {"files", files},
    {"sudden end", sudden_end},
};

const std::vector<NamedProgram> kWrongPrograms{
    {"a relay that takes a short send for a whole one", forgetful_pipeline},
    {"a reader that takes a cancel for the end", trusting_deadlines},
};

}  // namespace timeslice::loop::test
