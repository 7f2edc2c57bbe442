// SPDX-License-Identifier: MIT
// Do we tell what the threads of a real Node are for? Node 20 calls all of them `node`; the figures
// expected here were measured with other tools.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "live/session.h"
#include "play/playback.h"
#include "tests/catch.h"
#include "tests/live/looking.h"
#include "tests/live/processes.h"
#include "tests/live/recorded.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

using Roles = std::map<std::string, int>;

const Roles kIdle = {{"main", 1}, {"v8-delayed", 1}, {"v8-worker", 4}, {"signal-inspector", 1}};

constexpr double kSure = 0.8;

Roles with(Roles roles, const std::string& role, int more) {
  roles[role] += more;
  return roles;
}

// It does what it is told on stdin, and says so on stdout. A pipe needs no thread to be read.
const char* const kScript = R"(
const { Worker } = require('worker_threads');
const say = (word) => process.stdout.write(word + '\n');
const orders = {
  stat: () => require('fs').stat('/', () => say('stat')),
  worker: () => new Worker('setInterval(() => {}, 1e6)', { eval: true }).on('online', () => say('worker')),
  hash: () => {
    const again = () => require('crypto').pbkdf2('p', 's', 3e6, 64, 'sha512', again);
    for (let i = 0; i < 8; ++i) again();
    say('hash');
  },
  title: () => { process.title = 'x'; say('title'); },
};
process.stdin.setEncoding('utf8').on('data', (words) => words.trim().split('\n').forEach((word) => orders[word]()));
say('ready');
)";

// Why there is no Node here whose threads these tests know; empty: there is.
std::string why_no_node() {
  const Outcome version = run({"node", "--version"});
  if (version.status != 0) return "no node in PATH";
  if (version.out.rfind("v20.", 0) != 0)
    return "the roles expected are those of node 20, and this is " + version.out;
  return "";
}

struct Node {
  explicit Node(observe::Probes probes = observe::Probes::none)
      : command({"node", "-e", kScript}, [] { unsetenv("NODE_OPTIONS"); }),
        session({.probes = probes, .tgids = {static_cast<uint32_t>(command.pid())}}) {
    REQUIRE(command.line() == "ready");
  }

  void order(const std::string& word) {
    command.send(word + "\n");
    REQUIRE(command.line() == word);
  }

  // Roles are told while threads sleep, and a thread is seldom asleep at the first look: so until
  // they are as expected, and then what they are.
  Roles roles_once(const Roles& expected) {
    Roles roles;
    until([&] {
      roles.clear();
      frame = &session.advance();
      bool sure = true;  // and not by the order of creation, which serves until they sleep
      for (const model::Thread* thread : frame->threads) {
        if (thread->ended) continue;
        ++roles[thread->role.name];
        sure &= thread->role.confidence >= kSure;
      }
      return sure && roles == expected;
    });
    return roles;
  }

  void check_evidence() const {
    for (const model::Thread* thread : frame->threads) {
      INFO(thread->role.name << " by " << thread->role.evidence);
      CHECK_FALSE(thread->role.evidence.empty());
      CHECK(thread->role.confidence >= kSure);
      CHECK(thread->role.confidence <= 1);
    }
  }

  Command command;
  live::Session session;
  const model::Frame* frame = nullptr;
};

// What a recording says of each thread and of its process, once all of it has been played.
struct Replayed {
  explicit Replayed(const std::string& path) {
    play::Playback playback(path, "", false);
    while (!playback.at_end()) {
      const model::Frame& frame = playback.step(20'000'000);
      for (const model::Thread* thread : frame.threads) roles[thread->row.tid] = thread->role.name;
      for (const model::Process* process : frame.processes) runtime = process->runtime;
    }
  }
  [[nodiscard]] long of(const std::string& role) const {
    return std::count_if(roles.begin(), roles.end(),
                         [&](const auto& entry) { return entry.second == role; });
  }
  std::map<uint32_t, std::string> roles;  // by tid
  std::string runtime;
};

}  // namespace

TEST_CASE("an idle node is main, V8's timer thread, four V8 workers and the signal inspector") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  CHECK(node.roles_once(kIdle) == kIdle);
  node.check_evidence();
  REQUIRE(node.frame->processes.size() == 1);
  CHECK(node.frame->processes[0]->runtime == "node");
  CHECK(node.frame->processes[0]->thread_count == 7);
  for (const model::Thread* thread : node.frame->threads)
    CHECK(std::string(thread->row.comm) == "node");  // or the test would be too easy
}

TEST_CASE(
    "one fs call gives node four libuv workers, identified by what they sleep on or their start "
    "routine") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  node.order("stat");
  const Roles expected = with(kIdle, "libuv-worker", 4);
  CHECK(node.roles_once(expected) == expected);
  node.check_evidence();
  // One that is known by its start routine need not have gone to sleep yet.
  long asleep = 0;
  until([&] {
    node.frame = &node.session.advance();
    asleep = 0;
    for (const model::Thread* thread : node.frame->threads)
      asleep += thread->role.name == "libuv-worker" && thread->sleeps_in == "futex: libuv cond";
    return asleep == 4;
  });
  CHECK(asleep == 4);
  for (const model::Thread* thread : node.frame->threads) {
    if (thread->role.name != "libuv-worker") continue;
    const std::string evidence = thread->role.evidence;
    CHECK((evidence == "futex: libuv cond" || evidence == "start routine: libuv's worker"));
  }
}

TEST_CASE("pool workers that never sleep are identified by their start routine") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  node.order("hash");
  const Roles expected = with(kIdle, "libuv-worker", 4);
  CHECK(node.roles_once(expected) == expected);
  node.check_evidence();
  for (const model::Thread* thread : node.frame->threads)
    if (thread->role.name == "libuv-worker")
      CHECK(thread->role.evidence == "start routine: libuv's worker");
}

TEST_CASE("a worker_thread is one node-worker more") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  CHECK(node.roles_once(kIdle) == kIdle);
  node.order("worker");
  const Roles one = with(kIdle, "node-worker", 1);
  CHECK(node.roles_once(one) == one);
  node.order("worker");
  const Roles two = with(kIdle, "node-worker", 2);
  CHECK(node.roles_once(two) == two);
  node.check_evidence();
}

TEST_CASE("process.title changes names, not roles") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  node.order("stat");
  const Roles expected = with(kIdle, "libuv-worker", 4);
  CHECK(node.roles_once(expected) == expected);
  node.order("title");
  const auto renamed = [&] {
    return std::string(thread_of(node.session.advance(), node.command.pid())->row.comm) == "x";
  };
  REQUIRE(until(renamed));
  CHECK(node.roles_once(expected) == expected);
  node.check_evidence();

  Node title_first;
  title_first.order("title");
  CHECK(title_first.roles_once(kIdle) == kIdle);
}

TEST_CASE("aggregate mode identifies node's roles as well") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node(observe::Probes::sched);
  node.order("stat");
  node.order("worker");
  const Roles expected = with(with(kIdle, "libuv-worker", 4), "node-worker", 1);
  CHECK(node.roles_once(expected) == expected);
  node.check_evidence();
}

TEST_CASE("a replay has the runtime and roles of a program started during the recording") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Command command({"sh", "-c", "read go && exec node -e \"$0\"", kScript},
                  [] { unsetenv("NODE_OPTIONS"); });
  Recording recording({"-q", "-p", std::to_string(command.pid())});
  for (const auto& [order, answer] : {std::pair("go", "ready"), {"stat", "stat"}}) {
    command.send(std::string(order) + "\n");
    REQUIRE(command.line() == answer);
  }
  // The recorder goes on when they are told, and the file is no whole one yet.
  CHECK(until([&] { return Replayed(recording.path()).of("libuv-worker") == 4; }));
  command.signal(SIGKILL);
  REQUIRE(recording.wait().status == 0);

  const Replayed replayed(recording.path());
  CHECK(replayed.of("libuv-worker") == 4);
  CHECK(replayed.of("main") == 1);
  CHECK(replayed.runtime == "node");
}

}  // namespace timeslice::live
