// SPDX-License-Identifier: MIT
// Are an event loop's turns those that it counts itself, and as long as they were? The script under
// watch says how long each of its callbacks took, and how often libuv says that its loop has
// turned.
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "live/loop_finder.h"
#include "live/loop_watch.h"
#include "live/phase_places.h"
#include "observe/process_maps.h"
#include "observe/target_memory.h"
#include "observe/thread_looks.h"
#include "observe/turn_price.h"
#include "observe/turn_probes.h"
#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/few_rights.h"
#include "tests/live/loop_json.h"
#include "tests/live/nodes.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

// Orders come on stdin, a line each, for the main loop or for a worker's; each answers with a line.
//   stand FILE  says how often the loop has turned, and doesn't move until the file is there
//   turns       one after the other, of known lengths; then stands as well
//   phases      turns with callbacks of known lengths in each phase
//   waits       turns between which it waits, for timers, files and messages
const char* const kScript = R"(
const { performance } = require('perf_hooks');
const { Worker, isMainThread, parentPort, threadId } = require('worker_threads');
const { spawnSync } = require('child_process');
const fs = require('fs');
const say = (object) => fs.writeSync(1, JSON.stringify(object) + '\n');
const now = () => Number(process.hrtime.bigint());
const spin = (ms) => { for (const end = now() + ms * 1e6; now() < end; ); };
let lengths = [], phases = {};
function standStill(file) {
  const start = now();
  const info = performance.nodeTiming.uvMetricsInfo;
  say({ loopCount: info ? info.loopCount : null, lengths,
        active: performance.eventLoopUtilization().active, phases });
  while (!fs.existsSync(file)) spin(1);
  lengths = [now() - start];
  phases = { poll: lengths[0], check: 0, timers: 0 };  // an order comes in poll
}
function spinIn(phase, ms, before = () => {}) {
  const start = now();
  before();
  spin(ms);
  phases[phase] += now() - start;
}
function timed(ms) {
  const start = now();
  spin(ms);
  lengths.push(now() - start);
}
const orders = {
  stand: standStill,
  turns: (file) => {
    const todo = [...Array(200).fill(1), ...Array(40).fill(5), 60];
    const next = () => {
      timed(todo.shift());
      if (!todo.length) return setImmediate(() => standStill(file));
      if (todo.length % 8) return setImmediate(next);
      setTimeout(() => setImmediate(next), 10);  // the timer may be due in this turn already
    };
    setImmediate(() => setImmediate(next));  // the order's turn goes on with the first of them
  },
  phases: (file) => {
    let left = 20;
    const next = () => setTimeout(() => {
      spinIn('timers', 2);
      setImmediate(() => {
        spinIn('check', 4, () => left % 5 || spawnSync('true'));  // which runs a loop of its own
        fs.stat('/', () => {
          spinIn('poll', 6);
          --left ? next() : setImmediate(() => standStill(file));
        });
      });
    }, 1);
    next();
  },
  waits: async (file) => {
    const { port1, port2 } = new MessageChannel();
    for (let i = 0; i < 60; ++i) {
      await new Promise((done) => setTimeout(done, i % 3));
      await fs.promises.stat('/');
      await new Promise((done) => setImmediate(done));
      await new Promise((done) => (port2.once('message', done), port1.postMessage(i)));
    }
    port1.close();
    setImmediate(() => standStill(file));
  },
};
const obey = (line) => { const [order, file] = line.split(' '); orders[order](file); };
if (isMainThread) {
  const worker = new Worker(process.execArgv.at(-1), { eval: true });
  worker.on('online', () => say({}));
  process.stdin.setEncoding('utf8').on('data', (lines) => {
    for (const line of lines.trim().split('\n'))
      line.startsWith('worker ') ? worker.postMessage(line.slice(7)) : obey(line);
  });
} else {
  parentPort.on('message', obey);
}
)";

std::string why_no_node() {
  return run({"node", "--version"}).status == 0 ? "" : "no node in PATH";
}

// Stands still between orders, until the next one.
class Script {
 public:
  explicit Script(const std::string& node)
      : command_({node, "-e", kScript}, [] { unsetenv("NODE_OPTIONS"); }) {
    REQUIRE(command_.line() == "{}");
  }
  [[nodiscard]] uint32_t tgid() const { return static_cast<uint32_t>(command_.pid()); }

  // `whose`: "" or "worker ". Returns what it says when it stands still again.
  Json order(const std::string& whose, const std::string& what) {
    const std::string before = file_;
    file_ = directory_.path() + "/" + std::to_string(++files_);
    command_.send(whose + what + " " + file_ + "\n");
    if (!before.empty()) std::ofstream(before).put('x');
    const auto answer = command_.line();
    REQUIRE(answer);
    return Json::parse(*answer);
  }
  void go_on() { std::ofstream(std::exchange(file_, "")).put('x'); }
  void send(const std::string& line) { command_.send(line); }

 private:
  ScratchDirectory directory_;
  int files_ = 0;
  std::string file_;
  Command command_;
};

LoopWatchOptions with_turns(bool phases = false) {
  LoopWatchOptions options;
  options.phases = phases;
  options.turns_budget_ratio = 1;
  return options;
}

// What has been timed of one of its loops since the last call. Only a frame with the loop has it.
model::TurnFigures take_timed(LoopWatch& watch, bool is_main) {
  std::optional<model::TurnFigures> timed;
  REQUIRE(until([&] {
    for (const model::WatchedLoop& loop : watch.take().loops)
      if (loop.is_main == is_main) timed = loop.timed;
    return timed.has_value();
  }));
  return *timed;
}

uint64_t turns_from(const model::WaitHistogram& turns, uint32_t bucket) {
  uint64_t count = 0;
  for (; bucket < turns.size(); ++bucket) count += turns[bucket];
  return count;
}

// Each turn was at least as long as the callback in it. So if more turns than callbacks are longer
// than a bound, then all turns together are longer than all callbacks by what lifted these over it.
void compare_lengths(const model::TurnFigures& timed, const std::vector<uint64_t>& lengths) {
  uint64_t sum_ns = 0;
  for (const uint64_t ns : lengths) sum_ns += ns;
  REQUIRE(timed.sum_ns >= sum_ns);
  const uint64_t excess_ns = timed.sum_ns - sum_ns;
  for (uint32_t bucket = 1; bucket < TS_WAIT_BUCKETS; ++bucket) {
    const uint64_t bound = ts_wait_bucket_floor_ns(bucket);
    uint64_t above = 0, highest_below = 0;
    for (const uint64_t ns : lengths) {
      above += ns >= bound;
      if (ns < bound) highest_below = std::max(highest_below, ns);
    }
    const uint64_t turns = turns_from(timed.turns, bucket);
    CAPTURE(bound, above, turns, excess_ns, highest_below);
    CHECK(turns >= above);
    CHECK(turns <= above + excess_ns / (bound - highest_below));
  }
  CHECK(timed.longest_ns >= *std::max_element(lengths.begin(), lengths.end()));
}

void check_turns(Script& script, const std::string& whose) {
  LoopWatch watch({script.tgid()}, with_turns());
  const bool is_main = whose.empty();
  // It turns, and so is found.
  REQUIRE(until([&] {
    script.order(whose, "stand");
    script.go_on();
    return take_timed(watch, is_main).count > 0;
  }));
  const Json from = script.order(whose, "stand");
  take_timed(watch, is_main);
  const Json to = script.order(whose, "turns");
  const model::TurnFigures timed = take_timed(watch, is_main);
  script.go_on();
  CHECK(timed.missed == 0);
  CHECK(timed.waits >= timed.count);
  if (to["loopCount"].is_number())
    CHECK(timed.count == to["loopCount"].get<uint64_t>() - from["loopCount"].get<uint64_t>());
  const auto lengths = to["lengths"].get<std::vector<uint64_t>>();
  CHECK(lengths.size() == 242);
  CHECK(timed.count >= lengths.size());
  compare_lengths(timed, lengths);
  // Not what it waited for timers. (libuv ends a wait by its own clock, so a thread that loses its
  // CPU just then is idle for it.)
  const double active_ms = to["active"].get<double>() - from["active"].get<double>();
  CHECK(static_cast<double>(timed.sum_ns) / 1e6 < 1.1 * active_ms + 50);
}

// The first bytes of the functions where a turn's phases begin, as they are in the process's
// memory.
std::string beginnings_of_phases(uint32_t tgid) {
  const LoopFinder finder(tgid);
  const auto phases = find_phases(tgid, finder.image());
  observe::TargetMemory memory(tgid);
  std::string bytes;
  for (const observe::PhasePlace& place : phases->places) {
    for (const observe::Mapping& map : observe::read_maps(tgid)) {
      const uint64_t from = place.offset - map.offset;
      if (!map.executable || map.inode != finder.image().mapping.inode ||
          place.offset < map.offset || from >= map.end - map.start)
        continue;
      const auto byte = memory.get<char>(map.start + from);
      REQUIRE(byte);
      bytes += *byte;
    }
  }
  return bytes;
}

void doze() {
  const timespec time{0, 20'000'000};
  nanosleep(&time, nullptr);
}

// By a signal that does nothing else; 0: not any more.
void interrupt_every(suseconds_t us) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  REQUIRE(sigaction(SIGALRM, &action, nullptr) == 0);
  const itimerval often{{0, us}, {0, us}};
  REQUIRE(setitimer(ITIMER_REAL, &often, nullptr) == 0);
}

}  // namespace

TEST_CASE("each turn of a node is counted, as libuv counts them, and is as long as it was") {
  if (nodes().empty()) SKIP_TEST(why_no_node());
  for (const std::string& program : nodes()) {
    CAPTURE(program);
    Script script(program);
    for (const std::string whose : {"", "worker "}) {
      CAPTURE(whose);
      check_turns(script, whose);
    }
  }
}

// As of a libuv before 1.45.
TEST_CASE("the calls alone tell turns apart, where the loop's own count isn't known") {
  if (nodes().empty()) SKIP_TEST(why_no_node());
  std::string note;
  const auto looks = observe::open_thread_looks(note);
  for (const std::string& program : nodes()) {
    CAPTURE(program);
    Script script(program);
    LoopFinder finder(script.tgid());
    std::vector<FoundLoop> loops;
    REQUIRE(until([&] {
      loops = finder.find(looks->read(std::vector{script.tgid()}), {});
      return !loops.empty();
    }));
    observe::TurnProbes probes;
    probes.attach(observe::TurnProbes::To::all);
    REQUIRE(probes.watch({script.tgid(), script.tgid(), 0, loops[0].epoll_fd, 0}));
    script.order("", "stand");  // it has waited since
    for (const std::string order : {"turns", "waits"}) {
      const auto earlier = probes.read(script.tgid());
      const Json from = script.order("", "stand");
      const auto before = probes.read(script.tgid());
      const Json to = script.order("", order);
      const auto after = probes.read(script.tgid());
      REQUIRE(earlier);
      REQUIRE(before);
      REQUIRE(after);
      const auto timed = model::turns_between(*before, *after, 0, 1);
      CHECK(timed.missed == 0);
      CHECK(timed.count > 60);
      if (!to["loopCount"].is_number()) continue;
      CHECK(timed.count == to["loopCount"].get<uint64_t>() - from["loopCount"].get<uint64_t>());
    }
    script.go_on();
  }
}

TEST_CASE("only a loop's own descriptor counts, and only its own thread") {
  observe::TurnProbes probes;
  const UniqueFd loop(epoll_create1(EPOLL_CLOEXEC)), other(epoll_create1(EPOLL_CLOEXEC));
  const auto tid = static_cast<uint32_t>(gettid());
  REQUIRE(probes.watch({0, tid, 0, loop.get(), 0}));
  const auto wait = [](const UniqueFd& epoll, int times) {
    epoll_event event{};
    while (times-- > 0) epoll_pwait(epoll.get(), &event, 1, 0, nullptr);
  };
  wait(loop, 1);
  CHECK(probes.read(tid)->waits == 0);
  probes.attach(observe::TurnProbes::To::all);
  wait(loop, 10);
  wait(other, 7);
  std::thread([&] { wait(loop, 5); }).join();
  const auto turns = probes.read(tid);
  REQUIRE(turns);
  CHECK(turns->waits == 10);
  CHECK(turns->missed == 0);
  CHECK(model::turns_between({}, *turns, 0, 1).count == 9);
  probes.detach();
  wait(loop, 3);
  CHECK(probes.read(tid)->waits == 10);
  probes.forget(tid);
  CHECK_FALSE(probes.read(tid));
}

TEST_CASE("every call that waits for events is known, and which of them belong to one turn") {
  observe::TurnProbes probes;
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC)), ready(eventfd(1, EFD_CLOEXEC));
  const auto tid = static_cast<uint32_t>(gettid());
  REQUIRE(probes.watch({0, tid, 0, epoll.get(), 0}));
  probes.attach(observe::TurnProbes::To::all);
  epoll_event event{};
  const timespec at_once{0, 0}, soon{0, 1'000'000};
  const auto turns = [&] { return model::turns_between({}, *probes.read(tid), 0, 1).count; };
  epoll_pwait(epoll.get(), &event, 1, 0, nullptr);
  epoll_pwait2(epoll.get(), &event, 1, &at_once, nullptr);
  CHECK(turns() == 1);
  epoll_pwait2(epoll.get(), &event, 1, &soon, nullptr);  // as it asked, and then waited
  CHECK(turns() == 1);
  epoll_wait(epoll.get(), &event, 1, 0);
  CHECK(turns() == 2);

  interrupt_every(1'000);
  CHECK(epoll_wait(epoll.get(), &event, 1, -1) == -1);  // as it asked
  CHECK(epoll_wait(epoll.get(), &event, 1, -1) == -1);  // and again, after a signal
  interrupt_every(0);
  CHECK(turns() == 2);

  event.events = EPOLLIN;
  REQUIRE(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ready.get(), &event) == 0);
  CHECK(epoll_wait(epoll.get(), &event, 1, 1000) == 1);  // after a signal
  CHECK(turns() == 2);
  doze();
  CHECK(epoll_wait(epoll.get(), &event, 1, 0) == 1);  // there was no room for more
  CHECK(turns() == 2);
  epoll_event several[2] = {};
  CHECK(epoll_wait(epoll.get(), several, 2, 0) == 1);
  CHECK(turns() == 2);
  CHECK(epoll_wait(epoll.get(), several, 2, 0) == 1);
  CHECK(turns() == 3);
  CHECK(probes.read(tid)->waits == 10);
  CHECK(probes.read(tid)->longest[0].ns > 20'000'000);  // what it did between the two counts
}

TEST_CASE("a loop's own count tells turns apart, and what comes by unseen is known") {
  observe::TurnProbes probes;
  const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC)), ready(eventfd(1, EFD_CLOEXEC));
  const auto tid = static_cast<uint32_t>(gettid());
  std::atomic<uint64_t> count = 7;
  REQUIRE(probes.watch({0, tid, 0, epoll.get(), reinterpret_cast<uint64_t>(&count)}));
  probes.attach(observe::TurnProbes::To::all);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  REQUIRE(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, ready.get(), &event) == 0);
  const auto turns = [&] { return model::turns_between({}, *probes.read(tid), 0, 1).count; };
  // An event that nobody wants any more: it waits on, in the same turn, which begins after that.
  constexpr int kTimes = 5, kWaitMs = 100;
  for (int i = 0; i < kTimes; ++i) {
    ++count;
    const uint64_t one = 1;
    REQUIRE(write(ready.get(), &one, sizeof(one)) == sizeof(one));
    CHECK(epoll_wait(epoll.get(), &event, 1, 0) == 1);
    CHECK(epoll_wait(epoll.get(), &event, 1, kWaitMs) == 0);
  }
  CHECK(turns() == kTimes - 1);
  CHECK(probes.read(tid)->turn_ns < kWaitMs * (kTimes - 1) * uint64_t{1'000'000});
  CHECK(probes.read(tid)->missed == 0);
  count += 4;
  epoll_wait(epoll.get(), &event, 1, 0);
  CHECK(turns() == kTimes);
  CHECK(probes.read(tid)->missed == 3);
}

TEST_CASE("what a wait and any other call cost more is measured, and leaves nothing attached") {
  observe::TurnProbes probes;
  const observe::TurnPrice price = observe::measure_turn_price(probes);
  CHECK(price.wait_ns > 20);
  CHECK(price.wait_ns < 100'000);
  CHECK(price.other_call_ns < price.wait_ns);
  CHECK(probes.attached() == 0);
}

TEST_CASE("timeslice loop --turns says what it has attached and its price, and leaves nothing") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  for (const int signal : {SIGTERM, SIGKILL}) {
    Command node({"node", "-e", "setInterval(() => {}, 5)"}, [] { unsetenv("NODE_OPTIONS"); });
    const BpfIds before = bpf_ids();
    Command tool({timeslice(), "loop", "-p", std::to_string(node.pid()), "--turns", "--budget",
                  "100", "--json", "-d", "0.2"});
    std::optional<Json> frame;
    REQUIRE(until([&] {
      const auto line = tool.line();
      if (line) frame = Json::parse(*line);
      return !line || (!(*frame)["loops"].empty() && (*frame)["price_ns_per_turn"].is_number());
    }));
    REQUIRE(frame);
    const Json& loop = (*frame)["loops"][0];
    CHECK((*frame)["turns_note"].is_null());
    CHECK((*frame)["price_ns_per_turn"] >= (*frame)["price_ns_per_wait"]);
    CHECK((*frame)["price_cpu_ratio"] > 0);
    CHECK(loop["turn_ms"]["count"] > 0);
    CHECK(loop["turn_ms"]["p50"] <= loop["turn_ms"]["max"]);
    uint64_t in_histogram = 0;
    for (const Json& bucket : loop["histogram"]) in_histogram += bucket["count"].get<uint64_t>();
    CHECK(loop["turn_ms"]["count"] == in_histogram);

    const auto links = link_types_in(bpf_ids_since(before, tool.pid()));
    CHECK((*frame)["probes"] == links.size());
    CHECK(links.size() == 6);
    for (const uint32_t type : links) CHECK(type == BPF_LINK_TYPE_PERF_EVENT);
    tool.signal(signal);
    tool.finish();
    CHECK(until([&] { return bpf_ids_since(before, 0).empty(); }));
  }
}

TEST_CASE("the phases of turns last at least as long as the callbacks in them") {
  if (nodes().empty()) SKIP_TEST(why_no_node());
  for (const std::string& program : nodes()) {
    CAPTURE(program);
    Script script(program);
    LoopWatch watch({script.tgid()}, with_turns(true));
    for (const std::string whose : {"", "worker "}) {
      CAPTURE(whose);
      REQUIRE(until([&] {
        script.order(whose, "stand");
        script.go_on();
        const auto timed = take_timed(watch, whose.empty());
        return timed.count > 0 && timed.phases_ns;
      }));
      script.order(whose, "stand");
      take_timed(watch, whose.empty());
      const Json said = script.order(whose, "phases")["phases"];
      const auto timed = take_timed(watch, whose.empty());
      script.go_on();
      REQUIRE(timed.phases_ns);
      const auto& ns = *timed.phases_ns;
      CAPTURE(ns, timed.sum_ns, said.dump());
      CHECK(ns[TS_PHASE_POLL] >= said["poll"].get<uint64_t>());
      CHECK(ns[TS_PHASE_CHECK] >= said["check"].get<uint64_t>());
      CHECK(ns[TS_PHASE_TIMERS] >= said["timers"].get<uint64_t>());
      CHECK(timed.phase_hits >= 3 * timed.count);
      // A phase of the turn that stands still may have ended already, so together they are more.
      const uint64_t sum = ns[0] + ns[1] + ns[2] + ns[3];
      CHECK(sum >= timed.sum_ns);
      CHECK(sum <= timed.sum_ns + timed.sum_ns / 5);
    }
  }
}

TEST_CASE("where phases cost more than --budget allows, turns are still timed; and all goes") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Command node({"node", "-e", "setInterval(() => {}, 2)"}, [] { unsetenv("NODE_OPTIONS"); });
  const BpfIds before = bpf_ids();
  const auto command = [&](const std::string& budget) {
    return std::vector<std::string>{timeslice(), "loop",     "-p",   std::to_string(node.pid()),
                                    "--phases",  "--budget", budget, "--json",
                                    "-d",        "0.2"};
  };
  const auto frame_with = [](Command& tool, const std::function<bool(const Json&)>& is_wanted) {
    Json frame;
    REQUIRE(until([&] {
      const auto line = tool.line();
      if (line) frame = Json::parse(*line);
      return !line || is_wanted(frame);
    }));
    REQUIRE(is_wanted(frame));
    return frame;
  };
  std::string code;
  REQUIRE(until([&] {  // it has begun
    code = beginnings_of_phases(static_cast<uint32_t>(node.pid()));
    return code.size() >= 3;
  }));
  REQUIRE(code.find('\xcc') == std::string::npos);
  const auto is_restored = [&] {
    return beginnings_of_phases(static_cast<uint32_t>(node.pid())) == code;
  };
  double spent = 0;
  for (const int signal : {SIGTERM, SIGKILL}) {
    Command tool(command("100"));
    const Json frame = frame_with(tool, [](const Json& seen) {
      return !seen["loops"].empty() && seen["loops"][0]["phases_ms"].is_object() &&
             seen["price_cpu_ratio"].is_number();
    });
    spent = frame["price_cpu_ratio"];
    CHECK(frame["probes"] == 9);
    CHECK(frame["price_ns_per_phase"] > 0);
    CHECK(link_types_in(bpf_ids_since(before, tool.pid())).size() == 9);
    CHECK_FALSE(is_restored());
    tool.signal(signal);
    tool.finish();
    CHECK(until([&] { return bpf_ids_since(before, 0).empty(); }));
    CHECK(until(is_restored));
  }
  Command tool(command(std::to_string(spent * 100 / 2)));
  const Json frame = frame_with(tool, [](const Json& seen) {
    return seen["phases_note"].is_string() && !seen["loops"].empty() &&
           seen["loops"][0]["turn_ms"].is_object();
  });
  CHECK(frame["phases_note"].get<std::string>().starts_with("phases aren't told apart any more: "));
  CHECK(frame["turns_note"].is_null());
  CHECK(frame["probes"] == 6);
  CHECK(frame["loops"][0]["phases_ms"].is_null());
  CHECK(link_types_in(bpf_ids_since(before, tool.pid())).size() == 6);
  CHECK(is_restored());
}

TEST_CASE("the phases of a stripped node aren't told apart, with the reason, and turns are") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory directory;
  const std::string stripped = directory.path() + "/node";
  if (run({"sh", "-c", "strip -o " + stripped + " \"$(command -v node)\""}).status != 0)
    SKIP_TEST("strip can't strip node");
  Command node({stripped, "-e", "setInterval(() => {}, 5)"}, [] { unsetenv("NODE_OPTIONS"); });
  Command tool({timeslice(), "loop", "-p", std::to_string(node.pid()), "--phases", "--budget",
                "100", "--json", "-d", "0.2"});
  Json frame;
  REQUIRE(until([&] {
    const auto line = tool.line();
    if (line) frame = Json::parse(*line);
    return !line || (!frame["trust"]["unphased"].empty() && !frame["loops"].empty());
  }));
  CHECK(frame["trust"]["unphased"][0]["tgid"] == node.pid());
  CHECK(frame["probes"] == 6);
  CHECK(frame["loops"][0]["turn_ms"].is_object());
  CHECK(frame["loops"][0]["phases_ms"].is_null());
  tool.signal(SIGTERM);
  CHECK(tool.finish().err == "timeslice: the phases of process " + std::to_string(node.pid()) +
                                 " aren't told apart: its file has no symbols of libuv's phases; "
                                 "it was stripped\n");
}

TEST_CASE("where turns cost more than --budget allows, the probes go and the view goes on") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Command node({"node", "-e", "const again = () => setImmediate(again); again()"},
               [] { unsetenv("NODE_OPTIONS"); });
  const BpfIds before = bpf_ids();
  Command tool({timeslice(), "loop", "-p", std::to_string(node.pid()), "--turns", "--budget",
                "0.001", "--json", "-d", "0.2"});
  std::optional<Json> frame;
  REQUIRE(until([&] {
    const auto line = tool.line();
    if (line) frame = Json::parse(*line);
    return !line || (*frame)["turns_note"].is_string();
  }));
  REQUIRE(frame);
  CHECK((*frame)["probes"] == 0);
  CHECK((*frame)["price_ns_per_turn"].is_null());
  const std::string note = (*frame)["turns_note"];
  CAPTURE(note);
  CHECK(note.starts_with("turns aren't timed one by one any more: "));
  CHECK(note.ends_with("and --budget allows 0.001 % of a CPU"));
  CHECK(link_types_in(bpf_ids_since(before, tool.pid())).empty());
  REQUIRE((*frame)["loops"].size() == 1);
  CHECK((*frame)["loops"][0]["turn_ms"].is_null());
  CHECK((*frame)["loops"][0]["turns_per_s"] > 0);
  tool.signal(SIGTERM);
  CHECK(tool.finish().err == "timeslice: " + note + "\n");
}

TEST_CASE("without rights for probes --turns gives the reason once, and shows the rest") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  struct Case {
    std::vector<unsigned> capabilities;
    std::string why;  // empty: they are enough
  };
  const std::string not_timed = "turns aren't timed one by one: ";
  const Case cases[] = {
      {{},
       "cannot load the BPF programs that time an event loop's turns: no permission; run as root, "
       "or with CAP_BPF and CAP_PERFMON"},
      {{CAP_BPF, CAP_PERFMON},
       "cannot attach to the tracepoint syscalls/sys_exit_epoll_pwait: Permission denied; run as "
       "root, or with CAP_DAC_READ_SEARCH as well, for tracefs is root's"},
      {{CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH}, ""}};
  Command node({"node", "-e", "setInterval(() => {}, 5)"}, [] {
    unsetenv("NODE_OPTIONS");
    become_nobody();
  });
  for (const auto& [capabilities, why] : cases) {
    CAPTURE(why);
    Command tool(
        {timeslice(), "loop", "-p", std::to_string(node.pid()), "--turns", "--json", "-d", "0.2"},
        [&] { become_nobody_with(capabilities); });
    const auto frame = first_frame_with_loops(tool);
    REQUIRE(frame);
    CHECK((*frame)["probes"] == (why.empty() ? 6 : 0));
    CHECK((*frame)["loops"][0]["turn_ms"].is_null() != why.empty());
    CHECK((*frame)["turns_note"] == (why.empty() ? Json() : Json(not_timed + why)));
    tool.signal(SIGTERM);
    const std::string said = tool.finish().err;
    CAPTURE(said);
    const size_t first = said.find(not_timed);
    CHECK((first != std::string::npos) != why.empty());
    if (!why.empty()) CHECK(said.find(not_timed, first + 1) == std::string::npos);
  }
}

TEST_CASE("--budget is for --turns, and a share of a CPU") {
  CHECK(run({timeslice(), "loop", "-p", "1", "--budget", "1"}).status == 2);
  CHECK(run({timeslice(), "loop", "-p", "1", "--turns", "--budget", "0"}).status == 2);
  CHECK(run({timeslice(), "loop", "-p", "1", "--turns", "--budget", "101"}).status == 2);
}

}  // namespace timeslice::live
