// SPDX-License-Identifier: MIT
// Is the order of callbacks Node's own? golden/ has small scripts and, in orders.txt, what each of
// them prints. Here are their counterparts, which print the same on all back ends; and where Node
// is installed, it is run, too.
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

namespace {

const std::string kHome = "tests/loop/golden/";

std::map<std::string, std::string> golden_orders() {
  std::map<std::string, std::string> orders;
  std::ifstream file(kHome + "orders.txt");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (!line.starts_with('#') && colon != std::string::npos)
      orders[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return orders;
}

// What a script has: a loop, and words to say.
struct Script {
  explicit Script(const Options& options) : loop(options) {}
  void say(const std::string& word) { words += (words.empty() ? "" : " ") + word; }
  Task sayer(const std::string& word) {
    return [this, word] { say(word); };
  }
  void stat(std::size_t request, const Task& done) {
    loop.stat(requests[request], "/", 0, &status, [done](Request&) { done(); });
  }
  void tick(const std::string& word) { loop.next_tick(sayer(word)); }
  void micro(const std::string& word) { loop.queue_microtask(sayer(word)); }
  void immediate(const std::string& word) { loop.set_immediate(sayer(word)); }

  std::string words;
  std::array<Request, 2> requests;
  struct statx status {};
  GuardedLoop loop;
};

void main_script(Script& s) {
  s.say("begin");
  s.immediate("immediate");
  s.loop.queue_microtask([&] {
    s.say("micro1");
    s.tick("tick3");
    s.micro("micro3");
  });
  s.micro("micro2");
  s.loop.next_tick([&] {
    s.say("tick1");
    s.tick("tick2");
    s.micro("micro4");
  });
  s.say("end");
  s.loop.run();
}

void io(Script& s) {
  Timer timeout(s.loop, s.sayer("timeout"));
  s.stat(0, [&] {
    timeout.start(1ms);  // what Node makes of 0
    s.immediate("immediate");
    s.micro("micro");
    s.tick("tick");
    s.say("stat");
  });
  s.loop.run();
}

void io_then_io(Script& s) {
  s.stat(0, [&] {
    s.say("stat1");
    s.stat(1, [&] {
      s.say("stat2");
      s.tick("tick");
    });
    s.immediate("immediate");
  });
  s.loop.run();
}

void immediates(Script& s) {
  s.loop.set_immediate([&] {
    s.say("a");
    s.loop.set_immediate([&] {
      s.say("c");
      s.immediate("e");
      s.tick("c.tick");
    });
    s.micro("a.micro");
    s.tick("a.tick");
  });
  s.loop.set_immediate([&] {
    s.say("b");
    s.immediate("d");
    s.micro("b.micro");
  });
  s.loop.run();
}

void timers(Script& s) {
  Timer never(s.loop, s.sayer("never")), timeout(s.loop, s.sayer("timeout"));
  Timer a(s.loop, [&] {
    s.say("a");
    s.micro("a.micro");
    s.tick("a.tick");
    never.stop();
  });
  Timer b(s.loop, [&] {
    s.say("b");
    s.micro("b.micro");
    s.tick("b.tick");
  });
  Timer c(s.loop, [&] {
    s.say("c");
    timeout.start(1ms);
    s.immediate("immediate");
  });
  for (Timer* timer : {&a, &b, &never, &c}) timer->start(1ms);
  s.loop.run();
}

void interval(Script& s) {
  int beats = 0;
  Timer beat(s.loop, [&] {
    s.say("beat");
    s.immediate("immediate");
    if (++beats == 3) beat.stop();
  });
  beat.start(1ms, 1ms);
  s.loop.run();
}

void close(Script& s) {
  const int listener = listen_on_loopback(0);
  const UniqueFd client(connect_to_loopback(static_cast<std::uint16_t>(port_of(listener))));
  Timer timeout(s.loop, s.sayer("timeout"));
  s.loop.accept(s.requests[0], listener, [&](Request& accepted) {
    s.say("connection");
    s.loop.close_now(listener);
    timeout.start(1ms);
    s.loop.close_now(accepted.result());
    s.loop.at_close([&] {
      s.say("close");
      s.micro("close.micro");
      s.tick("close.tick");
    });
    s.immediate("immediate");
    s.tick("tick");
  });
  s.loop.run();
}

void count_down(Script& s, const std::string& word, void (Loop::*queue)(Task), int left) {
  (s.loop.*queue)([&s, word, queue, left] {
    s.say(word + std::to_string(left));
    if (left > 0) count_down(s, word, queue, left - 1);
  });
}

void greedy(Script& s) {
  s.loop.set_immediate([&] {
    s.say("immediate");
    count_down(s, "micro", &Loop::queue_microtask, 2);
    count_down(s, "tick", &Loop::next_tick, 2);
  });
  s.immediate("next");
  s.loop.run();
}

// An async function's body runs up to its first await at once, each further part as a microtask.
void walk(Script& s, const std::string& name) {
  s.say(name + "1");
  s.loop.queue_microtask([&s, name] {
    s.say(name + "2");
    s.micro(name + "3");
  });
}

void promises(Script& s) {
  s.loop.set_immediate([&] {
    walk(s, "a");
    s.loop.queue_microtask([&] {
      s.say("then1");
      s.micro("then2");
    });
    walk(s, "b");
    s.tick("tick");
  });
  s.loop.run();
}

const std::map<std::string, void (*)(Script&)> kTwins{
    {"main", main_script},      {"io", io},
    {"io-then-io", io_then_io}, {"timers", timers},
    {"close", close},           {"immediates", immediates},
    {"greedy", greedy},         {"interval", interval},
    {"promises", promises}};

// What a command prints, without the last line's end; nothing if it fails.
std::string output_of(const std::string& command) {
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  if (::pclose(pipe) != 0) return "";
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// Timers come after the poll phase since libuv 1.45.
bool is_recent(const std::string& uv_version) {
  int major = 0, minor = 0;
  return std::sscanf(uv_version.c_str(), "%d.%d", &major, &minor) == 2 &&
         (major > 1 || minor >= 45);
}

}  // namespace

TEST_CASE("each golden order has its script and its twin") {
  const auto orders = golden_orders();
  CHECK(orders.size() >= 6);
  std::size_t scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kHome))
    scripts += entry.path().extension() == ".js";
  CHECK(scripts == orders.size());
  CHECK(kTwins.size() == orders.size());
  for (const auto& [name, order] : orders) {
    CAPTURE(name);
    CHECK(kTwins.contains(name));
    CHECK(std::filesystem::exists(kHome + name + ".js"));
  }
}

TEST_ON_EACH_BACKEND("callbacks come in the golden orders") {
  for (const auto& [name, order] : golden_orders()) {
    CAPTURE(name);
    // There a file operation has ended when its start returns. Started by the main script, it is
    // called back in the pending phase, and what its callback starts in the poll phase right after.
    if (options.backend == BackendKind::blocking && name == "io-then-io") continue;
    for (int round = 0; round < 10; ++round) {
      Script script(options);
      kTwins.at(name)(script);
      CHECK(script.words == order);
    }
  }
}

TEST_CASE("node's callbacks come in the golden orders, too") {
  ::unsetenv("NODE_OPTIONS");
  const std::string version = output_of("node -p process.versions.uv 2>/dev/null");
  if (version.empty()) SKIP_TEST("no node is installed to compare the golden orders with");
  if (!is_recent(version)) SKIP_TEST("node is too old: its timers come before its poll phase");
  for (const auto& [name, order] : golden_orders()) {
    CAPTURE(name);
    std::string command = "node " + kHome;
    command.append(name).append(".js");
    for (int round = 0; round < 3; ++round) CHECK(output_of(command) == order);
  }
}

}  // namespace timeslice::loop::test
