// SPDX-License-Identifier: MIT
// Is what we say of a live Node's loops what Node says itself? Nothing is attached to it, and it
// was started like any other. Node's own figures are those of perf_hooks.
#include <linux/bpf.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>

#include "live/loop_finder.h"
#include "live/loop_watch.h"
#include "observe/thread_looks.h"
#include "runtime/uv_loop.h"
#include "tests/catch.h"
#include "tests/live/bpf_objects.h"
#include "tests/live/loop_json.h"
#include "tests/live/nodes.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

std::string why_no_node() {
  return run({"node", "--version"}).status == 0 ? "" : "no node in PATH";
}

// It does what it is told on stdin, a line each, and answers with a line of JSON. What blocks says
// from when until when, as CLOCK_MONOTONIC has it.
const char* const kScript = R"(
const { performance } = require('perf_hooks');
const { Worker, isMainThread, parentPort } = require('worker_threads');
const fs = require('fs');
const say = (object) => fs.writeSync(1, JSON.stringify(object) + '\n');
const now = () => Number(process.hrtime.bigint());
const timed = (work) => { const start = now(); work(); return { start, end: now() }; };
const spin = (ms) => { for (const end = Date.now() + ms; Date.now() < end; ); };
const doze = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
// Nothing moves from then on until the file is there.
function standStill(file) {
  say({ elu: performance.eventLoopUtilization(), info: performance.nodeTiming.uvMetricsInfo });
  while (!fs.existsSync(file)) spin(1);
  say({});
}
let worker;
if (!isMainThread) parentPort.on('message', standStill);
const orders = {
  figures: standStill,
  spin: (ms) => say(timed(() => spin(+ms))),
  sleep: (ms) => say(timed(() => doze(+ms))),
  turns: (count) => {
    const again = () => (spin(1), --count > 0 ? setImmediate(again) : say({}));
    again();
  },
  // Four jobs that last keep the pool, so that all others wait; their file's name is hostile.
  pool: (long) => {
    const keep = () => require('crypto').pbkdf2('p', 's', 2 ** 31 - 1, 64, 'sha512', () => {});
    for (let i = 0; i < long; ++i) keep();
    if (long < 4) return say({});
    for (let i = 0; i < 5; ++i) fs.stat('/no/such\x1b[31m file', () => {});
    for (let i = 0; i < 3; ++i) require('dns').lookup('host.invalid', () => {});
    for (let i = 0; i < 2; ++i) require('zlib').gzip('text', () => {});
    say({});
  },
  // Nothing but whole numbers, so there is nothing to collect.
  count: (millions) => {
    let sum = 0;
    for (let i = 0; i < millions * 1e6; ++i) sum = (sum * 31 + i) | 0;
    say({ sum });
  },
  open: (file) => (fs.open(file, () => {}), say({})),
  compile: (functions) => {
    for (let i = 0; i < functions; ++i) {
      const terms = Array.from({ length: 300 }, (_, j) => `(a * ${i + j + Math.random()})`);
      new Function('a', `return ${terms.join(' + ')}`)(1);
    }
    say({});
  },
  hash: (times) => {
    require('crypto').pbkdf2Sync('p', 's', +times, 32, 'sha256');
    say({});
  },
  // Garbage for so many ms, and how long V8 says that it took to collect it.
  garbage: (ms) => {
    let collected = 0;
    const observer = new (require('perf_hooks').PerformanceObserver)((list) =>
        list.getEntries().forEach((entry) => collected += entry.duration));
    observer.observe({ entryTypes: ['gc'] });
    const keep = [], end = Date.now() + +ms;
    const again = () => {
      for (let i = 0; i < 20000; ++i)
        keep[keep.length < 400000 ? keep.length : i * 20] = { i, list: [i, i + 1] };
      if (Date.now() < end) return setImmediate(again);
      setTimeout(() => (observer.disconnect(), say({ collected })), 20);
    };
    again();
  },
  worker: () => new Worker('setInterval(() => {}, 5)', { eval: true }).on('online', () => say({})),
  // Which does what this one does, when it is told.
  likeWorker: () => {
    worker = new Worker(process.execArgv.at(-1), { eval: true }).on('online', () => say({}));
  },
  figuresOfWorker: (file) => worker.postMessage(file),
};
if (isMainThread) process.stdin.setEncoding('utf8').on('data', (lines) => lines.trim().split('\n').forEach((line) => {
  const [order, what] = line.split(' ');
  orders[order](what);
}));
if (isMainThread) say({});
)";

struct Node {
  explicit Node(const std::string& program = "node")
      : command({program, "-e", kScript}, [] { unsetenv("NODE_OPTIONS"); }) {
    REQUIRE(command.line() == "{}");
  }
  [[nodiscard]] uint32_t tgid() const { return static_cast<uint32_t>(command.pid()); }
  Json order(const std::string& words) {
    command.send(words + "\n");
    const auto answer = command.line();
    REQUIRE(answer);
    return Json::parse(*answer);
  }

  Command command;
};

std::vector<uint32_t> tids_of(uint32_t tgid) {
  std::vector<uint32_t> tids;
  const Outcome listed = run({"ls", "/proc/" + std::to_string(tgid) + "/task"});
  for (const std::string& line : lines_of(listed.out))
    tids.push_back(static_cast<uint32_t>(std::stoul(line)));
  return tids;
}

double ms(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

// The loop of one of these threads, once it has been found.
FoundLoop loop_of(LoopFinder& finder, observe::ThreadLooks& looks,
                  const std::vector<uint32_t>& tids) {
  std::optional<FoundLoop> found;
  until([&] {
    for (const FoundLoop& loop : finder.find(looks.read(tids), {})) found = loop;
    return found.has_value();
  });
  REQUIRE(found);
  return *found;
}

// Three times, what is in memory of a loop that stands still by this order, and what it says.
void compare_figures(Node& node, const std::string& order, const LoopFinder& finder,
                     const FoundLoop& loop) {
  observe::TargetMemory memory(node.tgid());
  const ScratchDirectory directory;
  for (const std::string file : {"/1", "/2", "/3"}) {
    const Json said = node.order(order + " " + directory.path() + file);
    const auto state = runtime::read_uv_loop(memory, finder.layout(), loop.address);
    REQUIRE(state);
    CHECK(state->entry_ns == 0);
    CHECK(ms(state->idle_ns) == Approx(said["elu"]["idle"].get<double>()).epsilon(1e-12));
    if (said["info"].is_object()) CHECK(state->turns == said["info"]["loopCount"].get<uint64_t>());
    std::ofstream(directory.path() + file).put('x');
    REQUIRE(node.command.line() == "{}");
  }
}

struct Seen {
  std::vector<model::LoopBlock> ended;
  uint64_t longest_gap_ns = 0;
};

// All blocks, each as it was at its end, until one has ended that began after `since`; or, where
// none is wanted, until turns have passed.
Seen blocks_until(LoopWatch& watch, uint64_t since, bool wanted = true) {
  Seen seen;
  std::vector<model::LoopBlock>& ended = seen.ended;
  until([&] {
    bool passed = false;
    for (const model::WatchedLoop& loop : watch.take().loops) {
      seen.longest_gap_ns = std::max(seen.longest_gap_ns, loop.figures.longest_gap_ns);
      for (const model::LoopBlock& block : loop.figures.blocks)
        if (block.ended) ended.push_back(block);
      passed |= loop.is_main && loop.figures.turns.value_or(0) > 0;
    }
    const auto is_new = [&](const model::LoopBlock& block) {
      return block.start_ns + block.duration_ns > since;
    };
    return wanted ? std::any_of(ended.begin(), ended.end(), is_new) : passed;
  });
  return seen;
}

}  // namespace

TEST_CASE("a node's loop has in memory, to the digit, what perf_hooks says of it") {
  if (nodes().empty()) SKIP_TEST(why_no_node());
  std::string note;
  const auto looks = observe::open_thread_looks(note);
  CHECK(note == "");
  for (const std::string& program : nodes()) {
    CAPTURE(program);
    Node node(program);
    LoopFinder finder(node.tgid());
    REQUIRE(finder.refusal() == "");
    compare_figures(node, "figures", finder, loop_of(finder, *looks, {node.tgid()}));

    std::vector<uint32_t> before = tids_of(node.tgid()), added;
    node.order("likeWorker");
    for (const uint32_t tid : tids_of(node.tgid()))
      if (std::find(before.begin(), before.end(), tid) == before.end()) added.push_back(tid);
    REQUIRE_FALSE(added.empty());
    compare_figures(node, "figuresOfWorker", finder, loop_of(finder, *looks, added));
  }
}

TEST_CASE("a block is found with its start, its length, and whether it ran or slept") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  LoopWatch watch({node.tgid()}, {});
  REQUIRE(until([&] { return !watch.take().loops.empty(); }));
  for (const std::string what : {"spin", "sleep"}) {
    const Json truth = node.order(what + " 200");
    const auto start = truth["start"].get<uint64_t>(), end = truth["end"].get<uint64_t>();
    std::optional<model::LoopBlock> found;
    const Seen seen = blocks_until(watch, start);
    for (const model::LoopBlock& block : seen.ended)
      if (block.start_ns < end && block.start_ns + block.duration_ns > start) found = block;
    CAPTURE(what, start, end);
    REQUIRE(found);
    // All of the block, and what the turn did before and after it; as a rule exactly, and where a
    // busy machine has kept the loop from sleeping in between, within the time between two looks.
    CHECK(found->start_ns <= start);
    CHECK(found->start_ns + found->duration_ns + seen.longest_gap_ns >= end);
    CHECK(found->split.sum() == found->duration_ns);
    // On a busy machine, whatever wasn't asleep for a call waits for its core.
    const auto function = found->profile.function();
    REQUIRE(function);
    CHECK(function->frame.function == (what == "spin" ? "spin" : "doze"));
    CHECK(function->frame.file == "[eval]");
    CHECK(function->share > 0.7);
    CHECK(found->profile.phase() == "poll");
    const double slept = ms(found->split.asleep) / ms(found->duration_ns);
    CAPTURE(slept, found->split.oncpu, found->split.wait, found->duration_ns);
    CHECK((what == "sleep" ? slept > 0.5 : slept < 0.2));
  }
}

TEST_CASE("what a loop did on and off CPUs is what the kernel has counted of its thread") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  const std::string schedstat = "/proc/" + std::to_string(node.tgid()) + "/task/" +
                                std::to_string(node.tgid()) + "/schedstat";
  struct Counted {
    uint64_t cpu_ns = 0, wait_ns = 0;
  };
  const auto counted = [&] {
    Counted now;
    std::istringstream(read_file(schedstat)) >> now.cpu_ns >> now.wait_ns;
    return now;
  };
  LoopWatch watch({node.tgid()}, {});
  REQUIRE(until([&] { return !watch.take().loops.empty(); }));
  const Counted outside_from = counted();
  watch.take();
  const Counted from = counted();
  node.order("spin 400");
  const Counted to = counted();
  uint64_t oncpu = 0, wait = 0;
  const auto sum_up = [&] {
    const model::LoopFrame frame = watch.take();
    for (const model::WatchedLoop& loop : frame.loops) {
      oncpu += loop.figures.active.oncpu;
      wait += loop.figures.active.wait + loop.figures.idle_ready_ns;
    }
    return !frame.loops.empty();
  };
  sum_up();
  REQUIRE(until(sum_up));  // by a look that came after all of that
  const Counted outside_to = counted();
  CAPTURE(oncpu, wait, to.cpu_ns - from.cpu_ns, to.wait_ns - from.wait_ns);
  // The kernel brings a running thread's time up to date at each tick, the looks are 10 ms apart;
  // and what a wait for events takes of a CPU is no turn's.
  const uint64_t slack = 20'000'000;
  CHECK(oncpu + slack >= to.cpu_ns - from.cpu_ns);
  CHECK(oncpu <= outside_to.cpu_ns - outside_from.cpu_ns + slack);
  CHECK(wait + slack >= to.wait_ns - from.wait_ns);
  CHECK(wait <= outside_to.wait_ns - outside_from.wait_ns + slack);
}

TEST_CASE("turns of a millisecond each are no block") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  LoopWatch watch({node.tgid()}, {});
  REQUIRE(until([&] { return !watch.take().loops.empty(); }));
  node.order("turns 1000");
  // On a busy machine a turn may have to wait for its core as long as a block is; it doesn't run.
  for (const model::LoopBlock& block : blocks_until(watch, 0, false).ended)
    CHECK(block.split.wait > block.split.oncpu);
}

TEST_CASE("a worker thread's loop is found beside the main thread's, and V8's own isn't shown") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  node.order("worker");
  LoopWatch watch({node.tgid()}, {});
  model::LoopFrame frame;
  const auto has_turns = [](const model::WatchedLoop& loop) {
    return loop.figures.turns.value_or(0) > 0;
  };
  REQUIRE(until([&] {
    frame = watch.take();
    return frame.loops.size() == 2 && has_turns(frame.loops[1]);
  }));
  CHECK(frame.loops[0].is_main);
  CHECK(frame.loops[0].tid == node.tgid());
  CHECK_FALSE(frame.loops[1].is_main);
  CHECK(frame.loops[1].tid != node.tgid());
  for (const model::WatchedLoop& loop : frame.loops) {
    const model::LoopFigures& f = loop.figures;
    CHECK(f.active.sum() + f.idle_asleep_ns + f.idle_ready_ns == f.interval_ns);
  }
}

TEST_CASE("the workers of a cluster are shown with their primary, as they come and go") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory
      directory;  // a cluster is one file's, and a child that is none of it waits
  const std::string file = directory.path() + "/cluster.js";
  std::ofstream(file) << R"(
const cluster = require('cluster');
if (cluster.isPrimary) {
  require('child_process').spawn('cat');
  cluster.fork();
  const first = cluster.fork();
  process.stdin.on('data', () => first.process.kill('SIGKILL'));
} else setInterval(() => {}, 10);
)";
  Command primary({"node", file}, [] { unsetenv("NODE_OPTIONS"); });
  const auto tgid = static_cast<uint32_t>(primary.pid());
  LoopWatch watch({tgid}, {});
  model::LoopFrame frame;
  const auto shows = [&](size_t loops) {
    return until([&] {
      frame = watch.take();
      return frame.loops.size() == loops;
    });
  };
  REQUIRE(shows(3));
  CHECK(frame.loops[0].tgid == tgid);
  for (const model::WatchedLoop& loop : frame.loops) CHECK(loop.is_main);
  CHECK(frame.refused.empty());
  primary.send("\n");
  CHECK(shows(2));
}

namespace {

// What its first pool's threads do from now on, until there were so many looks at them with a job.
model::PoolWork pool_work_of(LoopWatch& watch, uint32_t looks) {
  model::PoolWork sum;
  std::map<std::string, uint32_t> calls;
  std::ignore = watch.take();
  REQUIRE(until([&] {
    const model::LoopFrame frame = watch.take();
    if (frame.pools.empty()) return false;
    const model::PoolWork& work = frame.pools[0].figures.work;
    sum.looks += work.looks;
    sum.time.oncpu += work.time.oncpu;
    sum.time.wait += work.time.wait;
    sum.time.asleep += work.time.asleep;
    for (const model::CountedCall& call : work.calls) calls[call.name] += call.looks;
    return sum.looks >= looks;
  }));
  sum.calls = model::sorted_calls(calls);
  return sum;
}

}  // namespace

TEST_CASE("what a pool's threads sleep in while they have a job is told") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  const ScratchDirectory scratch;
  const std::string pipe = scratch.path() + "/pipe";
  REQUIRE(run({"mkfifo", pipe}).status == 0);
  Node node;
  LoopWatch watch({node.tgid()}, {});
  node.order("open " + pipe);
  const model::PoolWork work = pool_work_of(watch, 5);
  REQUIRE(work.calls.size() == 1);
  CHECK(work.calls[0].name == "openat");
  CHECK(work.calls[0].looks == work.looks);
  CHECK(work.time.asleep * 10 > work.time.sum() * 9);
}

TEST_CASE("a full pool is told with what waits for it, and one with room as having room") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  LoopWatch watch({node.tgid()}, {});
  const auto pool_once = [&](auto condition) {
    std::optional<model::PoolFigures> pool;
    until([&] {
      const model::LoopFrame frame = watch.take();
      if (!frame.pools.empty()) pool = frame.pools[0].figures;
      return pool && condition(*pool);
    });
    REQUIRE(pool);
    return *pool;
  };
  node.order("pool 3");
  const model::PoolFigures room =
      pool_once([](const auto& pool) { return pool.busy == 3 && pool.queued; });
  CHECK(room.threads == 4);
  CHECK(room.queued == 0U);
  CHECK(room.saturated_looks == 0);
  CHECK(room.jobs.empty());
  // Three that only compute.
  const model::PoolWork work = pool_work_of(watch, 30);
  CHECK(work.time.asleep * 10 < work.time.sum());

  node.order("pool 4");  // one of which still finds room
  const model::PoolFigures full =
      pool_once([](const auto& pool) { return pool.busy == 4 && pool.queued; });
  CHECK(full.saturated_looks == full.looks);
  CHECK(full.queued == 3U + 5U + 2U);
  CHECK(full.slow == 3U);
  const auto count_of = [&](const std::string& kind) {
    for (const model::QueuedJobs& jobs : full.jobs)
      if (jobs.kind + " " + jobs.what == kind) return jobs.count;
    return 0U;
  };
  CHECK(count_of("fs.stat /no/such\x1b[31m file") == 5);
  CHECK(count_of("getaddrinfo host.invalid") == 3);
  uint32_t works = 0;  // whose names Node 20 and later keep
  for (const model::QueuedJobs& jobs : full.jobs) works += jobs.kind == "work" ? jobs.count : 0;
  CHECK(works == 3 + 2);
}

TEST_CASE(
    "a loop's share of garbage collection has V8's pauses in it, and is none without garbage") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  LoopWatch watch({node.tgid()}, {});
  model::LoopActivity activity;
  const auto take_main = [&](uint64_t& interval_ns) {
    for (const model::WatchedLoop& loop : watch.take().loops) {
      if (!loop.is_main) continue;
      activity = loop.activity;
      interval_ns = loop.figures.interval_ns;
      return true;
    }
    return false;
  };
  uint64_t interval_ns = 0;
  REQUIRE(until([&] { return take_main(interval_ns); }));
  node.order("count 1500");
  REQUIRE(take_main(interval_ns));
  REQUIRE(activity.gc_ratio());
  CHECK(*activity.gc_ratio() < 0.05);
  const double collected_ms = node.order("garbage 5000")["collected"];
  REQUIRE(take_main(interval_ns));
  REQUIRE(activity.gc_ratio());
  const double share = collected_ms / ms(interval_ns);
  // V8 also collects in steps between its pauses, of which perf_hooks doesn't tell. And so many
  // looks are a sample: four times its standard error.
  const double error = 4 * std::sqrt(share * (1 - share) / activity.vm_looks) + 0.02;
  CAPTURE(share, *activity.gc_ratio(), activity.vm_looks);
  CHECK(share > 0.02);
  CHECK(*activity.gc_ratio() > share - error);
  CHECK(*activity.gc_ratio() < 6 * share + error);
}

TEST_CASE("a loop's time is told apart by what V8 does: JavaScript, the compiler, C++") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  LoopWatch watch({node.tgid()}, {});
  // Of its turns' time: of a block's samples, and of all looks.
  const auto shares = [&](const std::string& order) {
    model::VmLooks vm, of_block;
    uint64_t longest_ns = 0;
    std::ignore = watch.take();
    node.order(order);
    REQUIRE(until([&] {
      for (const model::WatchedLoop& loop : watch.take().loops) {
        if (!loop.is_main) continue;
        vm.add(loop.activity.vm);
        for (const model::LoopBlock& block : loop.figures.blocks)
          if (block.ended && block.duration_ns > longest_ns) {
            longest_ns = block.duration_ns;
            of_block = block.profile.vm();
          }
      }
      return longest_ns > 0;
    }));
    return std::pair{vm, of_block};
  };
  const auto share = [](uint32_t part, const model::VmLooks& vm) {
    return vm.sum() ? static_cast<double>(part) / vm.sum() : 0;
  };
  const auto [counting, counting_block] = shares("count 700");
  CHECK(share(counting.javascript, counting) > 0.9);
  CHECK(share(counting_block.javascript, counting_block) > 0.9);
  const auto [hashing, hashing_block] = shares("hash 1500000");
  CHECK(share(hashing.native, hashing) > 0.9);
  CHECK(share(hashing_block.native, hashing_block) > 0.9);
  const auto [compiling, compiling_block] = shares("compile 5000");
  CHECK(share(compiling.compiler, compiling) > 0.2);
  CHECK(share(compiling_block.compiler, compiling_block) > 0.2);
  CHECK(share(counting.compiler + hashing.compiler, counting) < 0.1);
}

TEST_CASE("a process without a loop is refused with a sentence, and one that ends ends the watch") {
  Command sleeper({"sleep", "1000"});
  LoopWatch watch({static_cast<uint32_t>(sleeper.pid())}, {});
  model::LoopFrame frame;
  REQUIRE(until([&] {
    frame = watch.take();
    return !frame.refused.empty();
  }));
  CHECK(frame.refused[0].tgid == static_cast<uint32_t>(sleeper.pid()));
  CHECK(frame.refused[0].why == "it has no libuv that other programs could call");
  CHECK(frame.loops.empty());
  sleeper.signal(SIGKILL);
  sleeper.finish();
  CHECK(until([&] { return watch.take().all_gone; }));
}

TEST_CASE("a process that execs another program is looked at anew") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Command shell({"sh", "-c", "read line; exec node -e 'setInterval(() => {}, 5)'"},
                [] { unsetenv("NODE_OPTIONS"); });
  LoopWatch watch({static_cast<uint32_t>(shell.pid())}, {});
  REQUIRE(until([&] { return !watch.take().refused.empty(); }));
  shell.send("\n");
  CHECK(until([&] {
    const model::LoopFrame frame = watch.take();
    return frame.loops.size() == 1 && frame.refused.empty() && frame.loops[0].is_main;
  }));
}

TEST_CASE("timeslice loop prints its schema's keys, attaches nothing, and leaves nothing behind") {
  if (!why_no_node().empty()) SKIP_TEST(why_no_node());
  Node node;
  const BpfIds before = bpf_ids();
  const std::string pid = std::to_string(node.tgid());
  Command tool({timeslice(), "loop", "-p", pid, "--json", "-d", "0.2"});
  const auto frame = first_frame_with_loops(tool);
  REQUIRE(frame);
  CHECK((*frame)["schema"] == "timeslice/loop/1");
  CHECK((*frame)["source"] == "bpf");
  CHECK((*frame)["probes"] == 0);
  const Json& loop = (*frame)["loops"][0];
  for (const char* key : {"tgid", "tid", "kind", "turns_per_s", "utilisation", "longest_turn_ms",
                          "active_ms", "idle_ms", "delay_ms", "blocks"})
    CHECK(loop.contains(key));
  for (const char* key : {"oncpu", "wait", "asleep"}) CHECK(loop["active_ms"].contains(key));
  for (const char* key : {"asleep", "ready_waiting"}) CHECK(loop["idle_ms"].contains(key));
  for (const char* key : {"p50", "p99", "max"}) CHECK(loop["delay_ms"].contains(key));
  CHECK(loop["kind"] == "main");

  const BpfIds ours = bpf_ids_since(before, tool.pid());
  CHECK(link_types_in(ours).empty());
  for (const BpfProgram& program : programs_in(ours)) {
    CHECK(program.name == "look_by_id");
    CHECK(program.type == BPF_PROG_TYPE_SYSCALL);
  }
  tool.signal(SIGKILL);
  tool.finish();
  CHECK(until([&] { return bpf_ids_since(before, 0).empty(); }));
  CHECK(node.order("spin 1").is_object());  // it goes on as before
}

TEST_CASE("timeslice loop wants a process, and a block that looks can see") {
  CHECK(run({timeslice(), "loop"}).status == 2);
  CHECK(run({timeslice(), "loop", "-p", "1", "--block-ms", "5"}).status == 2);
  CHECK(run({timeslice(), "loop", "-p", ""}).status == 2);
  const Outcome none = run({timeslice(), "loop", "-p", "4194304"});
  CHECK(none.status == 1);
}

}  // namespace timeslice::live
