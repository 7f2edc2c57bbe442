// SPDX-License-Identifier: MIT
// Do messages arrive complete, once, in order, on the right thread, and do closes come after them?
#include "loop/threads/port.h"

#include <sys/stat.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <tuple>

#include "loop/core/guest.h"
#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

Message number(int value) { return Message(std::to_string(value)); }
int value_of(const Message& message) { return std::stoi(std::string(message.text())); }

// Instead of a structured binding, which clang 14 can't capture.
struct Channel {
  Port a, b;
  Channel() { std::tie(a, b) = make_channel(); }
};

// Collects what a port receives, as one string; "." is its close.
struct Log {
  std::string words;
  OnMessage on_message() {
    return [this](Message& message) { words += std::string(message.text()) + " "; };
  }
  Task on_close() {
    return [this] { words += "."; };
  }
};

bool is_closed(int fd) { return ::fcntl(fd, F_GETFD) < 0 && errno == EBADF; }

}  // namespace

TEST_CASE("messages sent before a port is bound are kept, and then delivered in order") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  for (int i = 0; i < 5; ++i) CHECK(ends.a.send(number(i)));
  ends.a.close();
  Log log;
  ends.b.bind(loop, log.on_message(), log.on_close());
  loop.run();
  CHECK(log.words == "0 1 2 3 4 .");
  CHECK_FALSE(ends.b.is_open());
}

TEST_CASE("after each message its ticks and microtasks run, before the next message") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  std::string words;
  ends.b.bind(
      loop,
      [&](Message& message) {
        const std::string text(message.text());
        words += text + " ";
        loop.queue_microtask([&, text] {
          words += text + ".micro ";
          loop.next_tick([&, text] { words += text + ".late-tick "; });
        });
        loop.next_tick([&, text] { words += text + ".tick "; });
      },
      [&] { words += "closed"; });
  ends.a.send(Message("a"));
  ends.a.send(Message("b"));
  ends.a.close();
  loop.run();
  CHECK(words == "a a.tick a.micro a.late-tick b b.tick b.micro b.late-tick closed");
}

TEST_CASE("the sender may change copied bytes, and a transferred buffer is not copied") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  std::string text = "copied";
  Buffer buffer(1 << 20);
  buffer.data()[12345] = std::byte{7};
  const std::byte* address = buffer.data();
  const SharedBuffer shared(64);
  Message message(text);
  message.buffers.push_back(std::move(buffer));
  message.shared.push_back(shared);
  CHECK(buffer.empty());            // NOLINT(bugprone-use-after-move): that is the question
  CHECK(buffer.data() == nullptr);  // NOLINT(bugprone-use-after-move)
  const bool sent = ends.a.send(std::move(message));
  CHECK(sent);
  text = "changed";
  bool good = false;
  std::thread receiver([&, port = std::move(ends.b)]() mutable {
    GuardedLoop there(options);
    port.bind(there, [&](Message& received) {
      const Buffer taken = std::move(received.buffers.at(0));
      good = received.text() == "copied" && taken.data() == address && taken.size() == 1 << 20 &&
             taken.data()[12345] == std::byte{7};
      received.shared.at(0).store<std::int32_t>(3, 33);
      port.close();
    });
    there.run();
  });
  receiver.join();
  CHECK(good);
  CHECK(shared.load<std::int32_t>(3) == 33);
}

TEST_CASE("a sent file belongs to the receiver, and is closed if it isn't taken") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  UniqueFd file = temporary_file("content");
  UniqueFd other = temporary_file("other");
  const int number = file.get();
  const int other_number = other.get();
  Message message;
  message.fds.push_back(std::move(file));
  message.fds.push_back(std::move(other));
  const bool sent = ends.a.send(std::move(message));
  CHECK(sent);
  ends.a.close();
  UniqueFd taken;
  ends.b.bind(loop, [&](Message& received) { taken = std::move(received.fds.at(0)); });
  loop.run();
  CHECK(taken.get() == number);
  CHECK(is_closed(other_number));
  char byte = 0;
  CHECK(::pread(taken.get(), &byte, 1, 0) == 1);
  CHECK(byte == 'c');
}

TEST_CASE("a port may be sent through a port, with its queued messages") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  Channel inner;
  inner.a.send(Message("early"));
  Message message;
  message.ports.push_back(std::move(inner.b));
  const bool sent = ends.a.send(std::move(message));
  CHECK(sent);
  inner.a.send(Message("late"));
  inner.a.close();
  Log log;
  Port arrived;
  ends.b.bind(loop, [&](Message& received) {
    arrived = std::move(received.ports.at(0));
    arrived.bind(loop, log.on_message(), log.on_close());
    ends.b.close();
  });
  loop.run();
  CHECK(log.words == "early late .");
}

TEST_CASE("a bound port that is sent takes its queued messages along") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  Channel inner;
  Log here, there;
  for (int i = 0; i < 4; ++i) inner.a.send(number(i));
  inner.b.bind(loop, [&](Message& received) {
    here.on_message()(received);
    if (received.text() != "1") return;
    Message message;
    message.ports.push_back(std::move(inner.b));
    const bool sent = ends.a.send(std::move(message));
    CHECK(sent);
    inner.a.send(number(4));
    inner.a.close();
  });
  Port arrived;
  ends.b.bind(loop, [&](Message& received) {
    arrived = std::move(received.ports.at(0));
    arrived.bind(loop, there.on_message(), there.on_close());
    ends.b.close();
  });
  loop.run();
  CHECK(here.words == "0 1 ");
  CHECK(there.words == "2 3 4 .");
}

TEST_CASE("ports that could be reached only through themselves are refused") {
  SECTION("the other end of the same channel") {
    Message message;
    Channel ends;
    message.ports.push_back(std::move(ends.b));
    const bool sent = ends.a.send(std::move(message));
    CHECK_FALSE(sent);
    CHECK_FALSE(ends.a.send(Message("the other end is closed")));
  }
  SECTION("the sending port") {
    Message message;
    Channel ends;
    message.ports.push_back(std::move(ends.a));
    const bool sent = ends.a.send(std::move(message));
    CHECK_FALSE(sent);
    CHECK(ends.b.is_open());
  }
  SECTION("two that carry each other") {
    Message message;
    Channel ends;
    Channel others;
    message.ports.push_back(std::move(others.b));
    const bool sent = ends.a.send(std::move(message));
    CHECK(sent);
    Message back;
    back.ports.push_back(std::move(ends.b));
    const bool sent_back = others.a.send(std::move(back));
    CHECK_FALSE(sent_back);
    CHECK_FALSE(ends.a.send(Message("b is closed, and d with it")));
    CHECK_FALSE(others.a.send(Message("so this is, too")));
  }
}

TEST_CASE("a received port can be sent on") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  Channel inner;
  Message message;
  message.ports.push_back(std::move(inner.b));
  const bool sent = ends.a.send(std::move(message));
  CHECK(sent);
  // Back through the channel that it came over, and then the channel's own end through it.
  Port home;
  ends.a.bind(loop, [&](Message& received) {
    home = std::move(received.ports.at(0));
    ends.a.close();
  });
  ends.b.bind(loop, [&](Message& received) {
    const bool sent_on = ends.b.send(std::move(received));
    CHECK(sent_on);
  });
  loop.run();
  Log log;
  home.bind(loop, log.on_message(), log.on_close());
  CHECK(inner.a.send(Message("still")));
  inner.a.close();
  loop.run();
  CHECK(log.words == "still .");
}

TEST_CASE("a received port can carry the one that it came through") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel outer;
  Channel inner;
  Message message;
  message.ports.push_back(std::move(inner.b));
  bool sent = outer.a.send(std::move(message));
  CHECK(sent);
  outer.a.send(Message("later"));
  outer.a.close();
  Log log;
  Port arrived, returned;
  outer.b.bind(loop, [&](Message& received) {
    arrived = std::move(received.ports.at(0));
    arrived.bind(loop, [&](Message& nested) {
      returned = std::move(nested.ports.at(0));
      returned.bind(loop, log.on_message(), log.on_close());
      arrived.close();
    });
    Message back;
    back.ports.push_back(std::move(outer.b));
    sent = inner.a.send(std::move(back));
  });
  loop.run();
  CHECK(sent);
  CHECK(log.words == "later .");
}

TEST_CASE("a send to a closed port is dropped, and says so") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  UniqueFd file = temporary_file("");
  const int number = file.get();
  SECTION("closed by the other end") { ends.b.close(); }
  SECTION("closed by this end") { ends.a.close(); }
  SECTION("moved away") { const Port elsewhere = std::move(ends.a); }
  SECTION("never opened") { ends.a = Port(); }
  Message message;
  message.fds.push_back(std::move(file));
  const bool sent = ends.a.send(std::move(message));
  CHECK_FALSE(sent);
  CHECK(is_closed(number));
}

TEST_CASE("a close drops what this end hasn't received, but not what it has sent") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  ends.a.send(Message("to b"));
  ends.b.send(Message("to a"));
  ends.b.close();
  Log at_a;
  ends.a.bind(loop, at_a.on_message(), at_a.on_close());
  loop.run();
  CHECK(at_a.words == "to a .");
}

TEST_CASE("a port may be closed or destroyed in its own callbacks") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  auto port = std::make_unique<Port>(std::move(ends.b));
  std::string words;
  for (int i = 0; i < 3; ++i) ends.a.send(number(i));
  SECTION("in on_message") {
    port->bind(loop, [&](Message& message) {
      port.reset();
      words += message.text();  // which is still there
    });
    loop.run();
    CHECK(words == "0");
    CHECK_FALSE(ends.a.send(number(3)));
  }
  SECTION("in on_close") {
    ends.a.close();
    port->bind(
        loop, [&](Message& message) { words += message.text(); },
        [&] {
          port.reset();
          words += ".";
        });
    loop.run();
    CHECK(words == "012.");
  }
  SECTION("and a callback may own its port") {
    std::shared_ptr<Port> own = std::move(port);
    Port& bound = *own;
    bound.bind(loop, [own = std::move(own), &words](Message& message) {
      words += message.text();
      if (message.text() == "1") own->close();
    });
    loop.run();
    CHECK(words == "01");
  }
}

TEST_CASE("an unbound port keeps its messages until it is bound again") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  std::string words;
  for (int i = 0; i < 4; ++i) ends.a.send(number(i));
  ends.b.bind(loop, [&](Message& message) {
    words += message.text();
    if (value_of(message) != 1) return;
    ends.a.send(number(4));  // while others are taken from the queue, but not delivered
    ends.b.unbind();
  });
  loop.run();
  CHECK(words == "01");
  CHECK(ends.b.is_open());
  ends.a.send(number(5));
  ends.a.close();
  GuardedLoop other(options);
  Log log;
  ends.b.bind(other, log.on_message(), log.on_close());
  other.run();
  CHECK(log.words == "2 3 4 5 .");
}

TEST_CASE("if on_message throws, the next messages are not lost") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  std::string words;
  for (int i = 0; i < 4; ++i) ends.a.send(number(i));
  ends.a.close();
  ends.b.bind(
      loop,
      [&](Message& message) {
        words += message.text();
        if (value_of(message) == 1) throw std::runtime_error("not this one");
      },
      [&] { words += "."; });
  CHECK_THROWS_WITH(loop.run(), "not this one");
  CHECK(words == "01");
  loop.run();
  CHECK(words == "0123.");
}

TEST_CASE("a bound port keeps its loop alive unless unreferenced, a closed one never does") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  ends.b.bind(loop, {});
  CHECK(loop.alive());
  ends.b.unref();
  CHECK_FALSE(loop.alive());
  ends.b.ref();
  CHECK(loop.alive());
  SECTION("closed here") { ends.b.close(); }
  SECTION("closed there") { ends.a.close(); }
  SECTION("unbound") { ends.b.unbind(); }
  loop.run();
  CHECK_FALSE(loop.alive());
}

TEST_CASE("a flood is delivered in batches, with the loop's other phases between them") {
  ON_EACH_BACKEND(options);
  constexpr int kFlood = 100'000;
  GuardedLoop loop(options);
  Channel ends;
  std::size_t in_this_turn = 0, most = 0, since_due = 0, most_since_due = 0;
  int received = 0, timers = 0, turns = 0;
  bool in_order = true;
  Timer timer(loop, [&] {
    ++timers;
    most_since_due = std::max(most_since_due, since_due);
    since_due = 0;
    timer.start(1ms);
  });
  timer.unref();
  timer.start(1ms);
  Hook each_turn(loop, Phase::prepare, [&] {
    ++turns;
    most = std::max(most, in_this_turn);
    in_this_turn = 0;
  });
  each_turn.unref();
  each_turn.start();
  ends.b.bind(loop, [&](Message& message) {
    in_order &= value_of(message) == received++;
    ++in_this_turn;
    if (loop.now() >= timer.deadline()) ++since_due;
    // The last one's wake comes while earlier ones are still being delivered.
    if (received == 1) ends.a.send(number(kFlood - 1));
    if (received == kFlood) ends.b.close();
  });
  for (int i = 0; i < kFlood - 1; ++i) ends.a.send(number(i));
  loop.run();
  CHECK(in_order);
  CHECK(received == kFlood);
  CHECK(most == Port::kMostPerTurn);
  CHECK(turns >= kFlood / static_cast<int>(Port::kMostPerTurn));
  CHECK(most_since_due <= Port::kMostPerTurn);
}

TEST_CASE("two ports that answer each other in one loop don't starve its timers") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends;
  Timer end(loop, [&] { ends.a.close(); });
  int calls = 0;
  ends.a.bind(loop, [&](Message& message) { ends.a.send(std::move(message)); });
  ends.b.bind(loop,
              [&](Message& message) {
                if (++calls == 1) end.start(5ms);
                ends.b.send(std::move(message));
              },
              {});
  ends.a.send(Message("ball"));
  loop.run();
  CHECK(calls > 0);
}

TEST_CASE("four senders: each port's messages arrive in the order in which they were sent") {
  ON_EACH_BACKEND(options);
  constexpr int kSenders = 4;
  constexpr int kMessages = 5'000;
  GuardedLoop loop(options);
  std::array<Port, kSenders> ports;
  std::array<int, kSenders> received{};
  std::vector<std::thread> senders;
  bool in_order = true;
  int closed = 0;
  for (std::size_t i = 0; i < kSenders; ++i) {
    Channel ends;
    ports[i] = std::move(ends.a);
    ports[i].bind(
        loop, [&, i](Message& message) { in_order &= value_of(message) == received[i]++; },
        [&] { ++closed; });
    senders.emplace_back([port = std::move(ends.b)]() mutable {
      for (int message = 0; message < kMessages; ++message) port.send(number(message));
    });
  }
  loop.run();
  for (std::thread& sender : senders) sender.join();
  CHECK(in_order);
  CHECK(closed == kSenders);
  for (const int count : received) CHECK(count == kMessages);
}

TEST_CASE("a message goes back and forth between two threads 10,000 times") {
  ON_EACH_BACKEND(options);
  constexpr int kRounds = 10'000;
  Channel ends;
  std::thread other([options, port = std::move(ends.b)]() mutable {
    GuardedLoop loop(options);
    port.bind(loop, [&](Message& message) { port.send(std::move(message)); });
    loop.run();  // until the other end is closed
  });
  GuardedLoop loop(options);
  int round = 0;
  bool right = true;
  ends.a.bind(loop, [&](Message& message) {
    right &= value_of(message) == round;
    if (++round < kRounds)
      ends.a.send(number(round));
    else
      ends.a.close();
  });
  ends.a.send(number(0));
  loop.run();
  other.join();
  CHECK(round == kRounds);
  CHECK(right);
}

TEST_CASE("a destroyed loop closes its ports, whatever their senders are doing") {
  ON_EACH_BACKEND(options);
  std::atomic<bool> bound{false}, refused{false};
  Channel ends;
  std::thread sender([&, port = std::move(ends.a)]() mutable {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    bound.wait(false);
    for (int i = 0; std::chrono::steady_clock::now() < end; ++i)
      if (!port.send(number(i))) {
        refused = true;
        break;
      }
  });
  {
    GuardedLoop loop(options);
    int received = 0;
    ends.b.bind(loop, [&](Message&) {
      if (++received == 100) loop.stop();
    });
    bound = true;
    bound.notify_one();
    loop.run();
  }
  sender.join();
  CHECK(refused);
  CHECK_FALSE(ends.b.is_open());
  CHECK_FALSE(ends.b.send(number(0)));
  ends.b.ref();  // nothing to keep alive any more
}

TEST_CASE("a destroyed loop notifies the other ends, and frees what their owners left") {
  ON_EACH_BACKEND(options);
  GuardedLoop loop(options);
  Channel ends, others;
  Log log, other_log;
  ends.a.bind(loop, log.on_message(), log.on_close());
  others.a.bind(loop, other_log.on_message(), other_log.on_close());
  {
    GuardedLoop other(options);
    auto port = std::make_shared<Port>(std::move(ends.b));
    port->send(Message("hello"));
    Port& bound = *port;
    bound.bind(other, [port = std::move(port)](Message&) {});  // owned by its own callback
    ends.a.send(Message("never received"));
    others.b.bind(other, {});  // and stays where it is
  }
  loop.run();
  CHECK(log.words == "hello .");
  CHECK(other_log.words == ".");
}

}  // namespace timeslice::loop::test
