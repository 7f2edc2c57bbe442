// SPDX-License-Identifier: MIT
// Is the function that a sample names the one that blocks the loop, and is it at that line? A
// script blocks in functions that it knows, and says when; we look from outside meanwhile. Node is
// as it came, or without its symbols; whoever sets NODES=PATH:PATH has others tried as well.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/clock.h"
#include "live/js_sampler.h"
#include "observe/thread_looks.h"
#include "tests/catch.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

using Words = std::vector<std::string>;

constexpr const char* kScript = "tests/live/js_blocks.js";
// A busy thread's registers are those of its last tick, which may be so long ago.
constexpr uint64_t kOldestRegisters = 15'000'000;  // ns
constexpr uint64_t kEnding = 1'000'000;            // the script takes the time after its block

Words nodes() {
  Words paths;
  if (run({"node", "--version"}).status == 0) paths.emplace_back("node");
  const char* more = std::getenv("NODES");
  for (std::string rest = more ? more : ""; !rest.empty();) {
    const size_t end = std::min(rest.find(':'), rest.size());
    paths.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  return paths;
}

std::string without_symbols(const std::string& node, const ScratchDirectory& scratch) {
  const Outcome path = run({node, "-p", "process.execPath"});
  std::string copy = scratch.path() + "/node";
  REQUIRE(run({"strip", "-o", copy, path.out.substr(0, path.out.find('\n'))}).status == 0);
  return copy;
}

struct Taken {
  uint64_t ns;
  std::optional<model::StackSample> sample;
};

struct Watched {
  std::vector<Taken> samples;
  std::vector<Json> blocks;
};

// Looks at the thread every 10 ms until it ends.
std::vector<Taken> look_at(observe::ThreadLooks& looks, uint32_t tgid, uint32_t tid) {
  JsSampler sampler(tgid);
  REQUIRE(sampler.refusal().empty());
  std::vector<Taken> taken;
  until([&] {
    const ts_look look = looks.read({&tid, 1})[0];
    if (!(look.have & TS_LOOK_THREAD) || look.state == 'Z' || look.state == 'X') return true;
    const uint64_t ns = monotonic_ns();
    taken.push_back({ns, sampler.sample(look, ns)});
    std::this_thread::sleep_for(8ms);
    return false;
  });
  return taken;
}

Watched watch(observe::ThreadLooks& looks, const Words& node, const std::string& kinds,
              const std::string& thread) {
  Words words = node;
  for (const std::string& word : Words{kScript, "2", "80", kinds, thread}) words.push_back(word);
  Command command(words, [] { unsetenv("NODE_OPTIONS"); });
  const auto ready = command.line();
  REQUIRE(ready);
  const auto tid = static_cast<uint32_t>(std::stoul(ready->substr(ready->find(' '))));
  command.send("go\n");
  Watched watched;
  watched.samples = look_at(looks, static_cast<uint32_t>(command.pid()), tid);
  const Outcome outcome = command.finish();
  REQUIRE(outcome.status == 0);
  for (const std::string& line : lines_of(outcome.out))
    if (line != "end") watched.blocks.push_back(Json::parse(line));
  return watched;
}

struct Score {
  int named = 0, right = 0, dropped = 0;
  int exact = 0, exactly_right = 0;  // of those in a block whose hot lines are known
  std::map<std::string, int> wrong;

  void add(const Json& block, const std::optional<model::StackSample>& sample) {
    if (!sample) {
      ++dropped;
      return;
    }
    ++named;
    const std::string file = kScript;
    const auto own = std::find_if(
        sample->frames.begin(), sample->frames.end(), [&](const model::StackFrame& frame) {
          return frame.file.size() >= file.size() &&
                 frame.file.compare(frame.file.size() - file.size(), file.size(), file) == 0;
        });
    const auto holds = [&](const char* list, const Json& value) {
      return std::find(block[list].begin(), block[list].end(), value) != block[list].end();
    };
    const std::string kind = block["kind"];
    if (own == sample->frames.end()) {
      ++wrong[kind + ": none of the script's"];
    } else if (!holds("lines", own->line) || !holds("functions", own->function)) {
      ++wrong[kind + ": " + own->function + ":" + std::to_string(own->line)];
    } else {
      ++right;
      if (!own->exact || block["hot"].empty()) return;
      ++exact;
      exactly_right += holds("hot", own->line) ? 1 : 0;
    }
  }
  [[nodiscard]] std::string text() const {
    std::string all = std::to_string(right) + " of " + std::to_string(named) + ", dropped " +
                      std::to_string(dropped) + ", lines " + std::to_string(exactly_right) +
                      " of " + std::to_string(exact);
    for (const auto& [what, count] : wrong) all += "; " + what + " x" + std::to_string(count);
    return all;
  }
};

Score score_of(const Watched& watched) {
  Score score;
  for (const Taken& taken : watched.samples)
    for (const Json& block : watched.blocks)
      if (taken.ns > block["start"].get<uint64_t>() + kOldestRegisters &&
          taken.ns + kEnding < block["end"].get<uint64_t>())
        score.add(block, taken.sample);
  return score;
}

// Each of the nodes in turn; with the flags of V8's that are given.
template <typename Check>
void with_each_node(const Words& flags, const std::string& kinds, const std::string& thread,
                    const Check& check, bool stripped = false) {
  std::string note;
  const auto looks = observe::open_thread_looks(note);
  if (looks->source() != "bpf") SKIP_TEST("registers need BPF: " + note);
  if (nodes().empty()) SKIP_TEST("no node in PATH");
  for (const std::string& path : nodes()) {
    const ScratchDirectory scratch;
    Words node = {stripped ? without_symbols(path, scratch) : path};
    node.insert(node.end(), flags.begin(), flags.end());
    const Score score = score_of(watch(*looks, node, kinds, thread));
    INFO(path << ": " << score.text());
    if (std::getenv("VERBOSE")) WARN(path << ": " << score.text());
    check(score);
  }
}

void expect_right(const Score& score) {
  CHECK(score.named > 100);
  CHECK(score.right >= 0.98 * score.named);
  CHECK(score.dropped <= 0.25 * score.named);
}

}  // namespace

TEST_CASE("the function that blocks is named whatever it is doing", "[.js]") {
  with_each_node({}, "all", "main", expect_right);
}

TEST_CASE("the function that blocks a worker thread is named", "[.js]") {
  with_each_node({}, "all", "worker", expect_right);
}

TEST_CASE("the function that blocks is named in a node without symbols", "[.js]") {
  with_each_node({}, "all", "main", expect_right, true);
}

TEST_CASE("lines are exact in the interpreter and in baseline code", "[.js]") {
  const std::string kinds = "nested,method,static,getter,closure,generator,await";
  const auto expect_lines = [](const Score& score) {
    CHECK(score.exact > 25);
    CHECK(score.exactly_right >= 0.95 * score.exact);
  };
  with_each_node({"--no-opt", "--no-maglev", "--no-sparkplug"}, kinds, "main", expect_lines);
  with_each_node({"--no-opt", "--no-maglev", "--always-sparkplug"}, kinds, "main", expect_lines);
}

TEST_CASE("while V8's heap moves samples are dropped and no name is wrong", "[.js]") {
  with_each_node({"--gc-interval=200", "--stress-compaction"},
                 "nested,inlined,method,getter,closure,await,minified,garbage", "main",
                 [](const Score& score) {
                   CHECK(score.named > 20);
                   CHECK(score.right >= 0.98 * score.named);
                 });
}

}  // namespace timeslice::live
