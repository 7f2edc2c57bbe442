// SPDX-License-Identifier: MIT
// Are our own loops shown as Node's are? The demo serves on each of its back ends, and is asked for
// blocks whose length is known.
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <regex>
#include <set>

#include "base/clock.h"
#include "live/loop_watch.h"
#include "live/published_finder.h"
#include "loop/core/net.h"
#include "observe/thread_looks.h"
#include "tests/catch.h"
#include "tests/live/loop_json.h"
#include "tests/live/processes.h"
#include "tests/live/recorded.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

constexpr uint64_t kMs = 1'000'000;

struct Demo {
  // It speaks on stderr.
  explicit Demo(const std::vector<std::string>& options = {}) : command(words(options)) {
    const std::optional<std::string> hello = command.line();
    REQUIRE(hello);
    std::smatch found;
    REQUIRE(std::regex_search(*hello, found, std::regex(R"(127\.0\.0\.1:(\d+) \(backend (\w+))")));
    port = static_cast<uint16_t>(std::stoul(found[1]));
    backend = found[2];
  }
  static std::vector<std::string> words(const std::vector<std::string>& options) {
    std::vector<std::string> all{"/bin/sh", "-c", R"(exec "$0" demo --port 0 "$@" 2>&1)",
                                 timeslice()};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  [[nodiscard]] uint32_t tgid() const { return static_cast<uint32_t>(command.pid()); }

  // The answer's body, after the server has closed the connection.
  std::string get(const std::string& path) const {
    const UniqueFd fd(loop::connect_to_loopback(port));
    REQUIRE(fd.get() >= 0);
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    REQUIRE(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 4096> bytes;
    for (ssize_t size = 1; size > 0;) {
      size = recv(fd.get(), bytes.data(), bytes.size(), 0);
      if (size > 0) answer.append(bytes.data(), static_cast<size_t>(size));
    }
    const size_t body = answer.find("\r\n\r\n");
    REQUIRE(body != std::string::npos);
    return answer.substr(body + 4);
  }

  Command command;
  uint16_t port = 0;
  std::string backend;
};

// What LoopWatch shows, until there is enough.
struct Watched {
  explicit Watched(std::vector<uint32_t> tgids, uint64_t block_ms = 50)
      : watch(std::move(tgids), {.block_ns = block_ms * kMs}) {}

  template <typename Enough>
  bool until_seen(Enough enough) {  // figures are summed up of main loops
    return until([&] {
      frame = watch.take();
      for (const model::WatchedLoop& loop : frame.loops) {
        if (!loop.is_main) continue;
        turns += loop.figures.turns.value_or(0);
        interval_ns += loop.figures.interval_ns;
        end_ns = loop.figures.end_ns;
        idle_ns += loop.figures.idle_asleep_ns + loop.figures.idle_ready_ns;
        active_ns += loop.figures.active.sum();
        longest_turn_ns = std::max(longest_turn_ns, loop.figures.longest_turn_ns);
        for (const model::LoopBlock& block : loop.figures.blocks)
          if (block.ended) blocks.push_back({loop, block});
      }
      return enough();
    });
  }
  // Looks that end after now have been taken.
  void catch_up() {
    const uint64_t now = monotonic_ns();
    REQUIRE(until_seen([&] {
      return !frame.loops.empty() && std::all_of(frame.loops.begin(), frame.loops.end(),
                                                 [&](auto& l) { return l.figures.end_ns > now; });
    }));
  }

  struct Block {
    model::WatchedLoop loop;
    model::LoopBlock block;
  };
  LoopWatch watch;
  model::LoopFrame frame;
  std::vector<Block> blocks;
  uint64_t turns = 0, interval_ns = 0, idle_ns = 0, active_ns = 0, longest_turn_ns = 0;
  uint64_t end_ns = 0;  // of the last look
};

// What the main thread's loop tells, once it sleeps.
runtime::PublishedLoopState at_rest(uint32_t tgid) {
  PublishedFinder finder(tgid);
  std::string note;
  const auto looks = observe::open_thread_looks(note);
  runtime::PublishedLoopState state;
  REQUIRE(until([&] {
    const std::vector<uint32_t> tids{tgid};
    const auto found = finder.find(looks->read(tids));
    if (found.size() != 1 || found[0].loop.entry_ns == 0) return false;
    const bool same = found[0].loop.turns == state.turns;
    state = found[0].loop;
    return same;
  }));
  return state;
}

// Until a moment in that wait.
uint64_t idle_until(const runtime::PublishedLoopState& state, uint64_t moment_ns) {
  REQUIRE(moment_ns >= state.entry_ns);
  return state.idle_ns + moment_ns - state.entry_ns;
}

// What the demo's loop says of itself.
struct Stats {
  explicit Stats(const Demo& demo) {
    const Json stats = Json::parse(demo.get("/stats"));
    turns = stats["turns"].get<uint64_t>();
    idle_ns = static_cast<uint64_t>(stats["idle_ms"].get<double>() * 1e6);
  }
  uint64_t turns, idle_ns;
};

}  // namespace

TEST_CASE("a block of the demo is found on each back end, with its length, split and phase") {
  const std::string backend = GENERATE("uring", "pool", "blocking");
  CAPTURE(backend);
  const Demo demo({"--backend", backend});
  if (demo.backend != backend) SKIP_TEST("the demo runs on " + demo.backend);
  Watched watched({demo.tgid()});
  watched.catch_up();
  const uint64_t before = monotonic_ns();
  demo.get("/block?ms=200");
  REQUIRE(watched.until_seen([&] { return !watched.blocks.empty(); }));
  const uint64_t after = monotonic_ns();
  const auto& [loop, block] = watched.blocks.front();
  CHECK(loop.tgid == demo.tgid());
  CHECK(loop.tid == demo.tgid());
  CHECK(loop.is_main);
  CHECK(block.start_ns >= before);
  CHECK(block.duration_ns >= 200 * kMs);
  CHECK(block.start_ns + block.duration_ns <= after);
  CHECK(block.split.sum() == block.duration_ns);
  CHECK(block.split.asleep < block.duration_ns / 4);  // it computed
  CHECK(block.profile.samples() > 0);
  CHECK(block.profile.phase() == "poll");
  const auto function = block.profile.function();
  REQUIRE(function);
  CHECK(function->frame.function == "callback of recv_many");
  CHECK(function->share == 1);
}

TEST_CASE("turns of the demo's loop are its own count, and its idle time is what is left") {
  const std::string backend = GENERATE("uring", "pool", "blocking");
  CAPTURE(backend);
  const Demo demo({"--backend", backend});
  if (demo.backend != backend) SKIP_TEST("the demo runs on " + demo.backend);
  demo.get("/");
  Watched watched({demo.tgid()});
  watched.catch_up();
  at_rest(demo.tgid());
  watched.catch_up();
  const auto began = at_rest(demo.tgid());
  const uint64_t began_ns = watched.end_ns;
  watched.turns = watched.interval_ns = watched.idle_ns = watched.active_ns = 0;
  // It is idle while its worker thread sorts: in many waits, each shorter than from look to look.
  const Stats first(demo);
  for (int i = 0; i < 3; ++i) demo.get("/block?ms=100");
  for (int i = 0; i < 100; ++i) demo.get("/sort?n=30000");
  const Stats last(demo);
  const auto ended = at_rest(demo.tgid());
  watched.catch_up();
  CHECK(watched.turns == ended.turns - began.turns);
  // Its own counters are told within the turns.
  CHECK(first.turns > began.turns);
  CHECK(last.turns > first.turns);
  CHECK(ended.turns >= last.turns);
  CHECK(first.idle_ns >= began.idle_ns);
  CHECK(last.idle_ns > first.idle_ns);
  CHECK(ended.idle_ns >= last.idle_ns);
  // Less what the waits themselves took on a CPU.
  const uint64_t idle = idle_until(ended, watched.end_ns) - idle_until(began, began_ns);
  CHECK(watched.idle_ns <= idle);
  CHECK(watched.idle_ns + 50 * kMs >= idle);
  CHECK(watched.active_ns >= 300 * kMs);
  CHECK(watched.idle_ns + watched.active_ns == watched.interval_ns);
}

TEST_CASE("many short turns of the demo are no block, and a long one is") {
  const Demo demo;
  Watched watched({demo.tgid()}, 1200);
  watched.catch_up();
  for (int i = 0; i < 60; ++i) demo.get("/block?ms=25");
  watched.catch_up();
  CHECK(watched.blocks.empty());
  CHECK(watched.longest_turn_ns >= 20 * kMs);
  CHECK(watched.longest_turn_ns < 1200 * kMs);
  CHECK(watched.active_ns >= 60 * 25 * kMs);
  demo.get("/block?ms=1300");
  CHECK(watched.until_seen([&] { return watched.blocks.size() == 1; }));
}

TEST_CASE("the demo's worker threads have loops of their own, and its pool is told") {
  const Demo demo({"--sort-workers", "1", "--pool", "3"});
  demo.get("/hash?iterations=1");
  const uint32_t tid = Json::parse(demo.get("/sort?n=10"))["thread"];
  Watched watched({demo.tgid()});
  REQUIRE(watched.until_seen([&] { return watched.frame.loops.size() == 2; }));
  CHECK(watched.frame.loops[0].is_main);
  CHECK_FALSE(watched.frame.loops[1].is_main);
  CHECK(watched.frame.loops[1].tid == tid);
  REQUIRE(watched.until_seen([&] { return watched.frame.pools.size() == 1; }));
  CHECK(watched.frame.pools[0].figures.threads == 3);
  REQUIRE(watched.until_seen(
      [&] { return !watched.frame.pools.empty() && watched.frame.pools[0].figures.busy == 0; }));
  // Of six jobs that last, three wait.
  std::vector<std::unique_ptr<Child>> clients;
  for (int i = 0; i < 3; ++i)
    clients.push_back(std::make_unique<Child>([&] { demo.get("/hash?iterations=1000000"); }));
  CHECK(watched.until_seen([&] {
    return !watched.frame.pools.empty() && watched.frame.pools[0].figures.saturated_looks > 0;
  }));
}

TEST_CASE("the workers of the demo's cluster are watched with their manager, and nobody else") {
  const Demo demo({"--cluster", "2", "--load"});
  Watched watched({demo.tgid()});
  std::set<uint32_t> tgids;
  REQUIRE(watched.until_seen([&] {
    for (const auto& loop : watched.frame.loops) tgids.insert(loop.tgid);
    return tgids.size() >= 3;
  }));
  watched.catch_up();
  for (const auto& loop : watched.frame.loops) tgids.insert(loop.tgid);
  const auto stats = Json::parse(demo.get("/stats"));
  std::set<uint32_t> expected{demo.tgid()};
  for (const Json& slot : stats["cluster"]["slots"]) expected.insert(slot["pid"].get<uint32_t>());
  CHECK(tgids == expected);
  CHECK(published_workers(demo.tgid()).size() == 2);
  const uint32_t worker = stats["pid"];
  CHECK(is_published_worker(worker));
  CHECK_FALSE(is_published_worker(demo.tgid()));
}

TEST_CASE("a demo that is killed, or exits, while its loop is watched ends the watch") {
  const int signal = GENERATE(SIGKILL, SIGTERM);
  Demo demo;
  Watched watched({demo.tgid()});
  watched.catch_up();
  demo.command.signal(signal);
  demo.command.finish();
  CHECK(watched.until_seen([&] { return watched.frame.all_gone; }));
  CHECK(watched.frame.refused.empty());
}

TEST_CASE("a program without a loop of ours or libuv's is refused as before") {
  const Command other({"sleep", "60"});
  const Outcome outcome = run({timeslice(), "loop", "-p", std::to_string(other.pid()), "-n", "1"});
  CHECK(outcome.status == 1);
  CHECK(outcome.err.find("it has no libuv that other programs could call") != std::string::npos);
}

TEST_CASE("the demo's loops are known to top and why and recordings") {
  const Demo demo;
  const std::string pid = std::to_string(demo.tgid());
  SECTION("top") {
    Command top({timeslice(), "top", "-p", pid, "--json", "-d", "0.5"});
    CHECK(until([&] {
      const auto line = top.line();
      if (!line) return true;
      const Json thread = find_by(Json::parse(*line)["threads"], "tid", demo.tgid());
      return thread.is_object() && thread["loop"].is_object() &&
             thread["loop"]["utilisation"].get<double>() < 1;
    }));
    top.signal(SIGINT);
    CHECK(top.finish().status == 0);
  }
  SECTION("recording") {
    Recording recording({"--loop", "-p", pid});
    const auto loops = [&] { return recording.report({"--by", "loop"})["loops"]; };
    REQUIRE(until([&] { return !loops().empty(); }));
    demo.get("/block?ms=200");
    REQUIRE(until([&] { return !loops()[0]["blocks"].empty(); }));
    CHECK(recording.finish().status == 0);
    const Json loop = loops()[0], block = loop["blocks"][0];
    CHECK(loop["tid"] == demo.tgid());
    CHECK(block["function"] == "callback of recv_many");
    CHECK(block["phase"] == "poll");
    CHECK(block["duration_ms"].get<double>() >= 200);
  }
  SECTION("why") {
    Command why({timeslice(), "why", "-p", pid, "-s", "3", "--json"});
    // All the time: on a busy machine it takes a while until it watches.
    std::optional<std::string> answer;
    REQUIRE(until([&] {
      demo.get("/block?ms=400");
      answer = why.line(1ms);
      return answer.has_value();
    }));
    INFO(*answer);
    CHECK(why.finish().status == 0);
    CHECK(answer->find("callback of recv_many") != std::string::npos);
  }
}

}  // namespace timeslice::live
