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
#include "tests/live/nodes.h"
#include "tests/live/top_json.h"
#include "tests/live/waiting.h"

namespace timeslice::live {

namespace {

using Words = std::vector<std::string>;

constexpr const char* kScript = "tests/live/js_blocks.js";
// A busy thread's registers are those of its last tick, which may be so long ago.
constexpr uint64_t kOldestRegisters = 15'000'000;  // ns
constexpr uint64_t kEnding = 1'000'000;            // the script takes the time after its block
constexpr uint64_t kBlockMs = 80;                  // or longer, after which its loops end

std::string without_symbols(const std::string& node, const ScratchDirectory& scratch) {
  const Outcome path = run({node, "-p", "process.execPath"});
  std::string copy = scratch.path() + "/node";
  REQUIRE(run({"strip", "-o", copy, path.out.substr(0, path.out.find('\n'))}).status == 0);
  return copy;
}

struct Taken {
  uint64_t from_ns, to_ns;  // on a busy machine there may be more than a moment in between
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
    const uint64_t from_ns = monotonic_ns();
    const ts_look look = looks.read({&tid, 1})[0];
    if (!(look.have & TS_LOOK_THREAD) || look.state == 'Z' || look.state == 'X') return true;
    auto sample = sampler.sample(look, from_ns);
    taken.push_back({from_ns, monotonic_ns(), std::move(sample)});
    std::this_thread::sleep_for(8ms);
    return false;
  });
  return taken;
}

Watched watch(observe::ThreadLooks& looks, const Words& node, const std::string& kinds,
              const std::string& thread) {
  Words words = node;
  for (const std::string& word : Words{kScript, "2", std::to_string(kBlockMs), kinds, thread})
    words.push_back(word);
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

std::string text_of(const model::StackSample& sample) {
  std::string text =
      sample.vm == model::VmState::garbage_collector ? "collecting garbage in" : "in";
  constexpr size_t kMostFrames = 8;
  for (size_t i = 0; i < std::min(sample.frames.size(), kMostFrames); ++i) {
    const model::StackFrame& frame = sample.frames[i];
    text += " " + frame.function + " (" + frame.file + ":" + std::to_string(frame.line) + ")";
  }
  return text;
}

// What a sample says of a block: its function; or one that calls it; or anything else.
enum class Verdict { dropped, right, caller, wrong };

struct Judged {
  Verdict verdict = Verdict::dropped;
  const model::StackFrame* own = nullptr;  // the innermost of the script's
};

bool holds(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

Judged judge(const Json& block, const Taken& taken) {
  if (!taken.sample) return {};
  const std::string_view script = kScript;
  for (const model::StackFrame& frame : taken.sample->frames) {
    const std::string_view file = frame.file;
    if (file.size() < script.size() || file.substr(file.size() - script.size()) != script) continue;
    if (holds(block["lines"], frame.line) && holds(block["functions"], frame.function))
      return {Verdict::right, &frame};
    return {holds(block["callers"], frame.line) ? Verdict::caller : Verdict::wrong, &frame};
  }
  return {Verdict::wrong, nullptr};
}

struct Score {
  int named = 0, right = 0, dropped = 0, on_the_way = 0;
  int exact = 0;                              // of those right: they have an exact line
  int in_known_loops = 0, exactly_right = 0;  // of those: in a loop whose lines are known
  std::map<std::string, int> wrong;           // and those whose line isn't a hot one

  // All samples of a block. At its beginning and at its end the thread may still, or again, be in a
  // caller; but not in between.
  void add(const Json& block, const std::vector<const Taken*>& samples) {
    std::vector<Judged> judged;
    for (const Taken* taken : samples) judged.push_back(judge(block, *taken));
    const auto is_right = [](const Judged& one) { return one.verdict == Verdict::right; };
    const auto first = std::find_if(judged.begin(), judged.end(), is_right) - judged.begin();
    const auto end = judged.rend() - std::find_if(judged.rbegin(), judged.rend(), is_right);
    for (ptrdiff_t i = 0; i < std::ssize(judged); ++i) {
      if (judged[i].verdict == Verdict::caller && (i < first || i >= end))
        ++on_the_way;
      else
        count(block, *samples[i], judged[i]);
    }
  }
  [[nodiscard]] std::string text() const {
    std::string all = std::to_string(right) + " of " + std::to_string(named) + ", dropped " +
                      std::to_string(dropped) + ", on the way " + std::to_string(on_the_way) +
                      ", lines " + std::to_string(exactly_right) + " of " +
                      std::to_string(in_known_loops);
    for (const auto& [what, count] : wrong) all += "; " + what + " x" + std::to_string(count);
    return all;
  }

 private:
  void count(const Json& block, const Taken& taken, const Judged& judged) {
    if (judged.verdict == Verdict::dropped) {
      ++dropped;
      return;
    }
    ++named;
    const std::string kind = block["kind"];
    if (judged.verdict != Verdict::right) {
      ++wrong[kind + ": " + text_of(*taken.sample)];
      return;
    }
    ++right;
    // Each step of a loop takes less than a millisecond; a return may take some more time.
    const uint64_t looping_ns = (kBlockMs - 2) * 1'000'000;
    const bool loops = taken.to_ns < block["start"].get<uint64_t>() + looping_ns;
    exact += judged.own->exact ? 1 : 0;
    if (!judged.own->exact || !loops || block["hot"].empty()) return;
    ++in_known_loops;
    if (holds(block["hot"], judged.own->line))
      ++exactly_right;
    else
      ++wrong[kind + ", not hot: " + text_of(*taken.sample)];
  }
};

void add(const Watched& watched, Score& score) {
  for (const Json& block : watched.blocks) {
    std::vector<const Taken*> samples;
    for (const Taken& taken : watched.samples)
      if (taken.from_ns > block["start"].get<uint64_t>() + kOldestRegisters &&
          taken.to_ns + kEnding < block["end"].get<uint64_t>())
        samples.push_back(&taken);
    score.add(block, samples);
  }
}

// Each of the nodes in turn; with the flags of V8's that are given. It is watched again until there
// are samples enough: on a busy machine few of them fall within a block.
template <typename Check>
void with_each_node(const Words& flags, const std::string& kinds, const std::string& thread,
                    int enough, const Check& check, bool stripped = false) {
  constexpr int kMostTimes = 10;
  std::string note;
  const auto looks = observe::open_thread_looks(note);
  if (looks->source() != "bpf") SKIP_TEST("registers need BPF: " + note);
  if (nodes().empty()) SKIP_TEST("no node in PATH");
  for (const std::string& path : nodes()) {
    const ScratchDirectory scratch;
    Words node = {stripped ? without_symbols(path, scratch) : path};
    node.insert(node.end(), flags.begin(), flags.end());
    Score score;
    for (int times = 0; times < kMostTimes && score.named < enough; ++times)
      add(watch(*looks, node, kinds, thread), score);
    INFO(path << ": " << score.text());
    if (std::getenv("VERBOSE")) WARN(path << ": " << score.text());
    CHECK(score.named >= enough);
    CHECK(score.right >= 0.98 * score.named);
    CHECK(score.on_the_way <= 0.1 * score.named);
    check(score);
  }
}

void expect_few_dropped(const Score& score) { CHECK(score.dropped <= 0.25 * score.named); }

}  // namespace

TEST_CASE("the function that blocks is named whatever it is doing", "[js]") {
  with_each_node({}, "all", "main", 150, expect_few_dropped);
}

TEST_CASE("the function that blocks a worker thread is named", "[js]") {
  with_each_node({}, "all", "worker", 150, expect_few_dropped);
}

TEST_CASE("the function that blocks is named in a node without symbols", "[js]") {
  with_each_node({}, "all", "main", 150, expect_few_dropped, true);
}

TEST_CASE("lines are exact in the interpreter and in baseline code", "[js]") {
  const std::string kinds = "nested,method,static,getter,closure,generator,await";
  const auto expect_lines = [](const Score& score) {
    CHECK(score.exact >= 0.75 * score.named);
    CHECK(score.in_known_loops > 0);
    CHECK(score.exactly_right >= 0.95 * score.in_known_loops);
  };
  with_each_node({"--no-opt", "--no-maglev", "--no-sparkplug"}, kinds, "main", 50, expect_lines);
  with_each_node({"--no-opt", "--no-maglev", "--always-sparkplug"}, kinds, "main", 50,
                 expect_lines);
}

TEST_CASE("while V8's heap moves samples may be dropped, but no name is wrong", "[js]") {
  with_each_node({"--gc-interval=200", "--stress-compaction"},
                 "nested,inlined,method,getter,closure,await,minified,garbage", "main", 50,
                 [](const Score&) {});
}

}  // namespace timeslice::live
