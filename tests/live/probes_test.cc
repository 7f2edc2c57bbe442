// SPDX-License-Identifier: MIT
// Are our probe points found by the tools that look for them, do they tell the truth, and do they
// do no harm? The points here are made by the loop's own macro; they're looked for in this very
// program's file, and attached to by libbpf.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "loop/core/probe.h"
#include "tests/catch.h"
#include "tests/live/onlooker.h"
#include "tests/live/processes.h"
#include "tests/live/usdt_notes.h"

namespace timeslice::live {

namespace {

#if defined(__x86_64__)
constexpr std::string_view kNop("\x0f\x1f\x44\0\0", 5);
#elif defined(__aarch64__)
constexpr std::string_view kNop("\x1f\x20\x03\xd5", 4);
#else
constexpr std::string_view kNop;  // whatever the assembler makes of it
#endif

enum class Phase : uint8_t { poll = 4 };

[[gnu::noinline]] void hit_none() { TS_PROBE(test_none); }

[[gnu::noinline]] void hit_five(const void* loop, int number, uint16_t port, Phase phase,
                                bool last) {
  TS_PROBE(test_five, loop, number, port, phase, last);
}

[[gnu::noinline]] void hit_constants() {
  TS_PROBE(test_constants, -7L, 4'000'000'000U, true, Phase::poll, 'x');
}

template <typename T>
[[gnu::noinline]] void hit_template(T value) {
  TS_PROBE(test_template, value);
}

inline void hit_inline(int where) { TS_PROBE(test_inline, where); }

std::array<int64_t, 64> table;
[[gnu::noinline]] void hit_memory(size_t i) {
  TS_PROBE(test_memory, table[i], table[2 * i + 1], table.data());
}

// Calls nobody, so its variables could lie in the red zone, were there no probe.
[[gnu::noinline]] int64_t hit_leaf(int64_t seed) {
  volatile int64_t kept[8]{seed, seed, seed, seed, seed, seed, seed, seed};
  TS_PROBE(test_leaf, seed);
  int64_t sum = 0;
  for (const volatile int64_t& value : kept) sum += value;
  return sum;
}

using Arguments = std::vector<int64_t>;

void check_hits(const Onlooker& onlooker, uint64_t count, const Arguments& last) {
  const Hits hits = onlooker.hits();
  CHECK(hits.count == count);
  CHECK(hits.last == last);
}

// The only note of that name.
UsdtNote note_of(const std::string& name) {
  const std::vector<UsdtNote> notes = usdt_notes("/proc/self/exe").named(name);
  INFO(name);
  REQUIRE(notes.size() == 1);
  return notes[0];
}

// "8@%rdi -4@$3" without the places: "8 -4".
std::string sizes_in(const std::string& arguments) {
  std::istringstream stream(arguments);
  std::string sizes;
  for (std::string argument; stream >> argument;)
    sizes += (sizes.empty() ? "" : " ") + argument.substr(0, argument.find('@'));
  return sizes;
}

bool has_probes() {
#ifdef TS_PROBE_NOP
  return true;
#else
  return false;
#endif
}

#define NEEDS_PROBES \
  if (!has_probes()) SKIP_TEST("no probe points on this architecture")

}  // namespace

TEST_CASE("a probe's note names it, and points at a nop") {
  NEEDS_PROBES;
  const UsdtNotes all = usdt_notes("/proc/self/exe");
  for (const char* name :
       {"test_none", "test_five", "test_constants", "test_memory", "test_leaf"}) {
    const UsdtNote note = note_of(name);
    CHECK(note.provider == "timeslice");
    CHECK(note.semaphore == 0);
    CHECK(note.base == all.base);
    CHECK(note.code.substr(0, kNop.size()) == kNop);
  }
  CHECK(all.base != 0);
}

TEST_CASE("a probe's note has each argument's size, sign and location") {
  NEEDS_PROBES;
  CHECK(note_of("test_none").arguments.empty());
  CHECK(sizes_in(note_of("test_five").arguments) == "8 -4 2 1 1");
  CHECK(sizes_in(note_of("test_constants").arguments) == "-8 4 1 1 -1");
  for (const UsdtNote& note : usdt_notes("/proc/self/exe").notes) {
    if (note.provider != "timeslice") continue;
    INFO(note.name << ": " << note.arguments);
    CHECK(note.arguments.find('(') == std::string::npos);  // no memory operand
  }
}

TEST_CASE("each compiler-made copy of a probe has a note") {
  NEEDS_PROBES;
  hit_template(1);
  hit_template('x');
  hit_template("text");
  const UsdtNotes all = usdt_notes("/proc/self/exe");
  std::vector<std::string> sizes;
  for (const UsdtNote& note : all.named("test_template")) sizes.push_back(sizes_in(note.arguments));
  std::sort(sizes.begin(), sizes.end());
  CHECK(sizes == std::vector<std::string>{"-1", "-4", "8"});
  hit_inline(1);
  hit_inline(2);
  CHECK(!all.named("test_inline").empty());
}

TEST_CASE("an attached probe reports each hit with its arguments") {
  NEEDS_PROBES;
  const pid_t self = getpid();
  const Onlooker none(self, "test_none"), five(self, "test_five"), memory(self, "test_memory"),
      constants(self, "test_constants"), made(self, "test_template"), copied(self, "test_inline");
  table[3] = -33;
  table[7] = 77;
  for (int i = 0; i < 100; ++i) {
    hit_none();
    hit_five(&table, -i, 65535, Phase::poll, i == 99);
    hit_constants();
    hit_memory(3);
    hit_template(i);
    hit_template(static_cast<char>(-i));
    hit_inline(i);
    hit_inline(i + 1);
  }
  const auto here = reinterpret_cast<int64_t>(&table);
  check_hits(none, 100, {});
  check_hits(five, 100, {here, -99, 65535, 4, 1});
  check_hits(constants, 100, {-7, 4'000'000'000, 1, 4, 'x'});
  check_hits(memory, 100, {-33, 77, here});
  check_hits(made, 200, {static_cast<char>(-99)});
  check_hits(copied, 200, {100});
}

TEST_CASE("attaching to a probe doesn't disturb the function that contains it") {
  NEEDS_PROBES;
  const Onlooker onlooker(getpid(), "test_leaf");
  int disturbed = 0;
  for (int64_t i = 0; i < 1000; ++i) disturbed += hit_leaf(i) != 8 * i;
  CHECK(disturbed == 0);
  CHECK(onlooker.hits().count == 1000);
}

TEST_CASE("a probe that is no longer attached is a nop again") {
  NEEDS_PROBES;
  { const Onlooker onlooker(getpid(), "test_none"); }
  const Onlooker other(getpid(), "test_five");
  hit_none();
  CHECK(other.hits().count == 0);
}

namespace {

// A program of two files, with probes in all kinds of places.
constexpr const char* kShared = R"(
#include "loop/core/probe.h"
inline void shared(const void* who, long n) { TS_PROBE(shared, who, n); }
template <typename T> void made(T value) { TS_PROBE(made, value); }
)";
constexpr const char* kMain = R"(
#include "shared.h"
struct Owner {
  ~Owner() { *last = 0; }
  int* last;
};
void other();
void (*volatile from_here)(const void*, long) = shared;
long twice(int n) {
  const Owner owner{&n};  // destroyed at the end
  TS_PROBE(twice, n, owner.last);
  const auto inner = [&] { TS_PROBE(inner, owner.last); };
  inner();
  if (n > 1) TS_PROBE(branch, 1); else TS_PROBE(branch, n == 1);
  return n;
}
int main(int argc, char**) { made(argc); made(&argc); from_here(&argc, twice(argc)); other(); }
)";
constexpr const char* kOther = R"(
#include "shared.h"
void (*volatile from_there)(const void*, long) = shared;
void other() { made(2); from_there(nullptr, 3); }
)";

const std::vector<const char*> kWays = {
    "-O0",
    "-O2 -fPIE -pie",
    "-O2 -no-pie -s",
    "-O3 -flto",
    "-O2 -ffunction-sections -Wl,--gc-sections",
    "-O0 -fsanitize=address,undefined",
    "-O2 -fsanitize=thread",
};

// Compiles the files into `program` as the repository's Makefile would; empty: it did.
std::string why_not_built(const std::string& how, const std::string& files,
                          const std::string& program) {
  const Outcome built = run(
      {"/bin/sh", "-c",
       how + " -std=c++20 -Wall -Wextra -Wshadow -Werror -Iuserland -o " + program + " " + files});
  return built.status == 0 ? built.err : built.err + "it failed";
}

void check_built(const std::string& program) {
  CHECK(run({program}).status == 0);
  const UsdtNotes all = usdt_notes(program);
  CHECK(all.base != 0);
  for (const char* name : {"shared", "made", "twice", "inner", "branch"}) {
    INFO(name);
    CHECK_FALSE(all.named(name).empty());
  }
  for (const UsdtNote& note : all.notes) {
    INFO(note.name << ": " << note.arguments);
    CHECK(note.base == all.base);
    CHECK(note.code.substr(0, kNop.size()) == kNop);
    CHECK(note.arguments.find('(') == std::string::npos);
  }
}

void check_builds(const std::string& compiler) {
  NEEDS_PROBES;
  const ScratchDirectory scratch;
  const std::string place = scratch.path() + "/", program = place + "program";
  std::ofstream(place + "plain.cc") << "int main() {}";
  std::ofstream(place + "shared.h") << kShared;
  std::ofstream(place + "main.cc") << kMain;
  std::ofstream(place + "other.cc") << kOther;
  if (!why_not_built(compiler, place + "plain.cc", program).empty())
    SKIP_TEST(compiler + " isn't here, or can't build the plainest program");
  for (const char* way : kWays) {
    CAPTURE(compiler, way);
    const std::string how = compiler + " " + way;
    if (!why_not_built(how, place + "plain.cc", program).empty()) continue;  // no such sanitizer
    CHECK(why_not_built(how, place + "main.cc " + place + "other.cc", program).empty());
    check_built(program);
  }
}

}  // namespace

TEST_CASE("probes can be built by g++ with any flags") { check_builds("g++"); }

TEST_CASE("probes can be built by clang++ with any flags") { check_builds("clang++"); }

}  // namespace timeslice::live
