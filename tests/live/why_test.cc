// SPDX-License-Identifier: MIT
// Is a live Node said to be slow for what its script does, and a near miss not? Each script has one
// trouble. The machine may be busy with other things, so a cause is waited for, whatever others
// there are beside it.
#include <sched.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>

#include "live/why_watch.h"
#include "model/why.h"
#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

constexpr uint64_t kBlock = 50'000'000;  // ns

bool no_node() { return run({"node", "--version"}).status != 0; }

// Ends with its stdin. Says when it has started, which is a block of its own. spin() takes CPU
// time, so that it is as long on a busy machine.
const std::string kCommon = R"(
const fs = require('fs'), crypto = require('crypto');
process.stdin.resume().on('end', () => process.exit());
setTimeout(() => console.log('ready'), 20);
const spin = (ms) => {
  const from = process.cpuUsage();
  for (let used = 0; used < ms * 1000;) {
    const now = process.cpuUsage(from);
    used = now.user + now.system;
  }
};
)";

// Gets a CPU before what else runs on the machine, where that is allowed.
void run_before_others() {
  const sched_param param{.sched_priority = 1};
  sched_setscheduler(0, SCHED_RR, &param);
}

Command urgent_node(const std::string& script) {
  return Command({"node", "-e", kCommon + script}, [] {
    unsetenv("NODE_OPTIONS");
    run_before_others();
  });
}

Command node(const std::string& script, int cpu = -1) {
  return Command({"node", "-e", kCommon + script}, [cpu] {
    unsetenv("NODE_OPTIONS");
    unsetenv("UV_THREADPOOL_SIZE");
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
  });
}

struct Found {
  model::WatchedProcess process;
  std::optional<model::Cause> cause;
};

// Watches for a third of a second again and again, until the process has the cause and `holds` of
// it.
template <typename T, typename Holds>
Found wait_for(const Command& command, Holds holds) {
  WhyWatch watch({static_cast<uint32_t>(command.pid())}, kBlock);
  Found found;
  until([&] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(100ms);
      watch.tick();
    }
    for (const model::WatchedProcess& process : watch.finish().processes)
      for (const model::Cause& cause : model::causes_of(process, kBlock))
        if (std::holds_alternative<T>(cause.finding) && holds(std::get<T>(cause.finding)))
          found = {process, cause};
    return found.cause.has_value();
  });
  return found;
}

// The causes of all windows until the process, which has started, has been watched for so many
// seconds.
std::vector<model::Cause> causes_during(Command& command, int seconds) {
  REQUIRE(command.line() == "ready");
  WhyWatch watch({static_cast<uint32_t>(command.pid())}, kBlock);
  std::vector<model::Cause> causes;
  uint64_t watched_ns = 0;
  REQUIRE(until([&] {
    std::this_thread::sleep_for(100ms);
    watch.tick();
    std::this_thread::sleep_for(200ms);
    for (const model::WatchedProcess& process : watch.finish().processes) {
      watched_ns += process.watched_ns;
      for (model::Cause& cause : model::causes_of(process, kBlock))
        causes.push_back(std::move(cause));
    }
    return watched_ns >= static_cast<uint64_t>(seconds) * 1'000'000'000;
  }));
  return causes;
}

std::set<std::string> words_during(Command& command, int seconds) {
  std::set<std::string> words;
  for (const model::Cause& cause : causes_during(command, seconds))
    words.insert(model::cause_word(cause.finding));
  return words;
}

// In which the loop slept, where that is a cause.
std::set<std::string> calls_during(Command& command, int seconds) {
  std::set<std::string> calls;
  for (const model::Cause& cause : causes_during(command, seconds))
    if (const auto* blocking = std::get_if<model::BlockingCalls>(&cause.finding))
      for (const model::CountedCall& call : blocking->calls) calls.insert(call.name);
  return calls;
}

const auto kAny = [](const auto&) { return true; };

}  // namespace

TEST_CASE("a blocked loop is told with the function that blocks it, many short turns are not") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const Command blocked = node("function hog() { spin(100); } setInterval(hog, 120);");
  const Found found = wait_for<model::BlockedLoop>(blocked, [](const model::BlockedLoop& loop) {
    return !loop.functions.empty() && loop.functions[0].samples >= 3;
  });
  REQUIRE(found.cause);
  const auto& loop = std::get<model::BlockedLoop>(found.cause->finding);
  // spin() is an arrow function of its own; of the two one is where the samples are.
  const std::set<std::string> own = {"hog", "spin"};
  CHECK(own.contains(loop.functions[0].frame.function));
  CHECK(loop.phase == "timers");
  CHECK(found.cause->confidence > 0.5);

  Command turns = node("setInterval(() => spin(1), 4);");
  CHECK_FALSE(words_during(turns, 2).contains("blocked_loop"));
}

TEST_CASE("a loop without time between its turns is busy, one with half of it is not") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const Command busy =
      urgent_node("function render() { spin(2); setImmediate(render); } render();");
  const Found found = wait_for<model::BusyLoop>(busy, [](const model::BusyLoop& loop) {
    return loop.function && loop.function->samples >= 3;
  });
  REQUIRE(found.cause);
  const std::set<std::string> own = {"render", "spin"};
  CHECK(own.contains(std::get<model::BusyLoop>(found.cause->finding).function->frame.function));
  Command half = node("const work = () => (spin(5), setTimeout(work, 10)); work();");
  CHECK_FALSE(words_during(half, 2).contains("busy_loop"));
}

TEST_CASE("a starved loop is told with who uses its CPU; who uses another isn't blamed") {
  if (no_node()) SKIP_TEST("no node in PATH");
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  if (cpus.size() < 2) SKIP_TEST("needs two CPUs");
  const auto hog_on = [](int cpu) {
    return [cpu] {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(cpu, &set);
      sched_setaffinity(0, sizeof(set), &set);
      for (;;) asm volatile("");
    };
  };
  const Child here(hog_on(cpus[0])), there(hog_on(cpus[1]));
  const Command starved = node("setInterval(() => spin(8), 10);", cpus[0]);
  const auto is = [](pid_t pid) {
    return
        [pid](const model::StarvedBy& by) { return by.rival.tgid == static_cast<uint32_t>(pid); };
  };
  const Found found = wait_for<model::Starved>(starved, [&](const model::Starved& cause) {
    return std::any_of(cause.by.begin(), cause.by.end(), is(here.pid()));
  });
  REQUIRE(found.cause);
  const auto& by = std::get<model::Starved>(found.cause->finding).by;
  CHECK(std::none_of(by.begin(), by.end(), is(there.pid())));
  CHECK(found.process.limits.cpus == 1);
}

TEST_CASE("a full pool is told with what waits for it, a busy one is not") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const std::string keep =
      "const keep = () => crypto.pbkdf2('p', 's', 2 ** 31 - 1, 64, 'sha512', () => {});\n"
      "for (let i = 0; i < 4; ++i) keep();\n";
  const Command full = node(keep + "for (let i = 0; i < 5; ++i) fs.stat('/etc/hosts', () => {});");
  const Found found = wait_for<model::PoolFull>(
      full, [](const model::PoolFull& pool) { return !pool.figures.jobs.empty(); });
  REQUIRE(found.cause);
  const model::PoolFigures& pool = std::get<model::PoolFull>(found.cause->finding).figures;
  CHECK(pool.threads == 4);
  REQUIRE(pool.jobs.size() == 1);
  CHECK(pool.jobs[0].kind == "fs.stat");
  CHECK(pool.jobs[0].what == "/etc/hosts");
  CHECK(pool.jobs[0].count == 5);

  // Four jobs leave none to wait, once each has a thread.
  Command busy = node(keep);
  WhyWatch watch({static_cast<uint32_t>(busy.pid())}, kBlock);
  const auto pool_of = [&] {
    std::this_thread::sleep_for(50ms);
    const auto processes = watch.finish().processes;
    return processes.empty() ? std::nullopt : processes[0].pool;
  };
  REQUIRE(until([&] {
    const auto now = pool_of();
    return now && now->threads == 4 && now->saturated_looks == now->looks && now->full_looks == 0;
  }));
  CHECK_FALSE(words_during(busy, 1).contains("pool_full"));
}

TEST_CASE("calls that a loop sleeps in are told with the function that makes them") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const Command blocked = node(
      "const { execSync } = require('child_process');\n"
      "function backup() { execSync('sleep 0.1'); } setInterval(backup, 150);");
  const Found found = wait_for<model::BlockingCalls>(blocked, [](const auto& calls) {
    return calls.function && calls.function->samples >= 3 && !calls.calls.empty();
  });
  REQUIRE(found.cause);
  CHECK(std::get<model::BlockingCalls>(found.cause->finding).function->frame.function == "backup");

  Command asynchronous = node("setInterval(() => fs.readFile('/etc/hosts', () => {}), 5);");
  // Where others compute, the loop may have to wait for the pool's lock, whose holder waits for a
  // CPU. But it sleeps in none of the file's calls.
  auto calls = calls_during(asynchronous, 2);
  calls.erase("futex");
  CHECK(calls.empty());
}

TEST_CASE("garbage collection is told where it takes the time") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const Command garbage = node(R"(
const keep = [];
function allocate() {
  for (let i = 0; i < 20000; ++i) keep[(keep.length < 500000 ? keep.length : i * 25)] = { i, list: [i, i + 1] };
  setImmediate(allocate);
}
allocate();
)");
  const Found found = wait_for<model::GarbageCollection>(garbage, [](const auto& collection) {
    return collection.function && collection.function->frame.function == "allocate";
  });
  CHECK(found.cause);
  Command none = node("function spins() { spin(3); setImmediate(spins); } spins();");
  CHECK_FALSE(words_during(none, 2).contains("gc"));
}

TEST_CASE("workers of a cluster that share a CPU wait for each other, and are too many") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const ScratchDirectory scratch;
  const std::string script = scratch.path() + "/cluster.js";
  const auto write = [&](const std::string& text) {
    std::FILE* file = std::fopen(script.c_str(), "w");
    REQUIRE(file);
    std::fputs(text.c_str(), file);
    std::fclose(file);
  };
  write(R"(
const cluster = require('cluster');
if (cluster.isPrimary) {
  for (let i = 0; i < 3; ++i) cluster.fork();
  process.stdin.resume().on('end', () => process.exit());
} else {
  process.on('disconnect', () => process.exit());
  const work = () => {
    for (const end = performance.now() + 5; performance.now() < end;);
    setImmediate(work);
  };
  work();
}
)");
  const Command primary({"taskset", "-c", "0", "node", script}, [] { unsetenv("NODE_OPTIONS"); });
  std::optional<Found> found;
  REQUIRE(until([&] {  // all workers have to be there when the watch begins
    Found now = [&] {
      WhyWatch watch({static_cast<uint32_t>(primary.pid())}, kBlock);
      std::this_thread::sleep_for(1s);
      Found best;
      for (const model::WatchedProcess& process : watch.finish().processes)
        for (const model::Cause& cause : model::causes_of(process, kBlock))
          if (std::holds_alternative<model::TooManyWorkers>(cause.finding)) best = {process, cause};
      return best;
    }();
    if (now.cause && std::get<model::TooManyWorkers>(now.cause->finding).workers == 3)
      found = std::move(now);
    return found.has_value();
  }));
  CHECK(std::get<model::TooManyWorkers>(found->cause->finding).cpus == 1);
  CHECK(found->process.cluster.size() == 3);
}

TEST_CASE("a pool that waits for a slow file makes a process slow, though its loop is idle") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const ScratchDirectory scratch;
  const std::string pipe = scratch.path() + "/pipe";
  REQUIRE(run({"mkfifo", pipe}).status == 0);
  const Command slow = node("fs.readFile('" + pipe + "', () => {});");
  const Found found = wait_for<model::SlowIo>(slow, kAny);
  REQUIRE(found.cause);
  const auto& calls = std::get<model::SlowIo>(found.cause->finding).pool.calls;
  REQUIRE_FALSE(calls.empty());
  CHECK(calls[0].name == "openat");
  Command quick = node("setInterval(() => fs.stat('/etc/hosts', () => {}), 20);");
  CHECK_FALSE(words_during(quick, 1).contains("slow_io"));
}

TEST_CASE("a process whose peer answers slowly waits for that one, and for no quick one") {
  if (no_node()) SKIP_TEST("no node in PATH");
  // Says its port; answers at once, or after so many ms.
  Command server = node(
      "require('http').createServer((request, response) => setTimeout(() => response.end('x'),\n"
      "    +request.url.slice(1))).listen(0, '127.0.0.1', function () {\n"
      "      console.log(this.address().port); });");
  std::optional<std::string> port;
  while ((port = server.line()) == "ready") {
  }
  REQUIRE(port);
  const auto client = [&](const std::string& ms) {
    return node(
        "const http = require('http'), agent = new http.Agent({ keepAlive: true });\n"
        "const ask = () => http.get({ agent, port: " +
        *port + ", path: '/" + ms +
        "' },\n"
        "    (response) => response.resume().on('end', () => setImmediate(ask))); ask();");
  };
  const Command slow = client("200");
  const Found found =
      wait_for<model::SlowIo>(slow, [](const model::SlowIo& io) { return !io.peers.empty(); });
  REQUIRE(found.cause);
  const model::SlowPeer& peer = std::get<model::SlowIo>(found.cause->finding).peers[0];
  CHECK(text_of(peer.end) == "127.0.0.1:" + *port);
  CHECK(peer.mean_ns() > 150'000'000);
}

TEST_CASE("timeslice why names the line in its first sentence, and attaches nothing") {
  if (no_node()) SKIP_TEST("no node in PATH");
  const Command slow = node("\nfunction hog() {\n  spin(150);\n}\nsetInterval(hog, 160);");
  const std::string pid = std::to_string(slow.pid());
  const BpfIds before = bpf_ids();
  Json cause;
  // A machine that is busy with other things may let it run too little for once.
  REQUIRE(until([&] {
    Command why({timeslice(), "why", "-p", pid, "--seconds", "1", "--json"});
    REQUIRE(until([&] { return !programs_in(bpf_ids_since(before, why.pid())).empty(); }));
    CHECK(link_types_in(bpf_ids_since(before, why.pid())).empty());
    const Outcome outcome = why.finish();
    if (outcome.status != 0) return false;
    const Json answer = Json::parse(outcome.out);
    CHECK(answer["schema"] == "timeslice/why/1");
    CHECK(answer["probes"] == 0);
    REQUIRE(answer["processes"].size() == 1);
    for (const Json& found : answer["processes"][0]["causes"])
      if (found["cause"] == "blocked_loop" && found["evidence"]["samples"].is_number())
        cause = found;
    return !cause.is_null();
  }));
  CHECK(cause["evidence"]["file"] == "[eval]");
  const std::string sentence = cause["sentence"];
  CHECK(sentence.find("The event loop was blocked") == 0);
  CHECK(sentence.find("([eval]:") != std::string::npos);
}

TEST_CASE("why refuses what it can't watch, and answers at once when it is interrupted") {
  if (no_node()) SKIP_TEST("no node in PATH");
  Command sleeper({"sleep", "1000"});
  const Outcome refused = run({timeslice(), "why", "-p", std::to_string(sleeper.pid())});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("it has no libuv") != std::string::npos);
  CHECK(run({timeslice(), "why", "--seconds", "0"}).status == 2);

  const Command idle = node("setInterval(() => {}, 50);");
  // Interrupted before it has found the loop, it has nothing to say: then it is given more time.
  for (auto time = 100ms;; time *= 2) {
    Command why({timeslice(), "why", "-p", std::to_string(idle.pid()), "--seconds", "3600"});
    std::this_thread::sleep_for(time);
    why.signal(SIGINT);
    const Outcome answered = why.finish();
    if (answered.status != 0 && time < kDeadline) continue;
    CHECK(answered.status == 0);
    CHECK(answered.out.find(", watched for ") != std::string::npos);
    break;
  }
}

}  // namespace timeslice::live
