// SPDX-License-Identifier: MIT
// Do small programs hold under a hundred thousand schedules, each of its own seed, with faults on?
// A failure names its seed; TIMESLICE_SIM_SEED=N then runs that schedule alone, and it fails the
// same way. TIMESLICE_SIM_FIRST=N tries other seeds than the suite's.
#include "tests/loop/schedule.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <set>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace timeslice::loop::test {

namespace {

#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t kSchedules = 1'500;  // of each program; 15 times slower here
#else
constexpr std::uint64_t kSchedules = 13'000;
#endif

// Before the test's own limit, so that a schedule that never ends still names its seed.
constexpr unsigned kSeconds = 540;

struct Outcome {
  std::string violation;  // empty if all held
  std::uint64_t hash = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome run(Program program, std::uint64_t seed) {
  Outcome outcome;
  // A program that fails leaves requests in flight: they are destroyed after their loop.
  Schedule schedule(seed);
  try {
    program(schedule);
  } catch (const std::exception& error) {
    outcome.violation = error.what();
  }
  outcome.hash = schedule.hash();
  return outcome;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

// Names the current seed even where no test can print any more: when a sanitizer ends the process,
// or when a schedule never ends.
class LastWords {
 public:
  LastWords() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    ::__sanitizer_set_death_callback(&say);
#endif
    ::signal(SIGALRM, [](int) { say(), ::_exit(1); });
    ::alarm(kSeconds);
  }
  ~LastWords() { ::alarm(0); }
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
  static inline volatile std::uint64_t seed = 0;

 private:
  static void say() {
    char text[80];
    const int size = std::snprintf(text, sizeof text, "ended under TIMESLICE_SIM_SEED=%llu\n",
                                   static_cast<unsigned long long>(seed));
    [[maybe_unused]] const auto written =
        ::write(STDOUT_FILENO, text, static_cast<std::size_t>(size));
  }
};

// The first of `count` seeds under which something doesn't hold; 0 if there's none.
std::uint64_t first_failure(Program program, std::uint64_t first, std::uint64_t count) {
  const LastWords last_words;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    LastWords::seed = seed;
    INFO("under TIMESLICE_SIM_SEED=" << seed);  // what an assertion's end will print
    if (!run(program, seed).violation.empty()) return seed;
  }
  return 0;
}

void hold(const NamedProgram& program) {
  const std::uint64_t only = number_from("TIMESLICE_SIM_SEED", 0);
  const std::uint64_t first = only ? only : number_from("TIMESLICE_SIM_FIRST", 1);
  const std::uint64_t seed = first_failure(program.run, first, only ? 1 : kSchedules);
  INFO(program.name << ": to be replayed with TIMESLICE_SIM_SEED=" << seed);
  const std::string violation = seed == 0 ? "" : run(program.run, seed).violation;
  CHECK_THAT(violation, Catch::Matchers::Equals(""));
}

}  // namespace

TEST_CASE("schedules: pipeline") { hold(kPrograms[0]); }
TEST_CASE("schedules: timers") { hold(kPrograms[1]); }
TEST_CASE("schedules: deadlines") { hold(kPrograms[2]); }
TEST_CASE("schedules: shared buffers") { hold(kPrograms[3]); }
TEST_CASE("schedules: connections") { hold(kPrograms[4]); }
TEST_CASE("schedules: jobs") { hold(kPrograms[5]); }
TEST_CASE("schedules: files") { hold(kPrograms[6]); }
TEST_CASE("schedules: sudden end") { hold(kPrograms[7]); }

TEST_CASE("a seed always gives the same schedule, and another seed another one") {
  for (const NamedProgram& program : kPrograms) {
    CAPTURE(program.name);
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      const Outcome once = run(program.run, seed);
      CAPTURE(seed);
      CHECK(run(program.run, seed) == once);
      hashes.insert(once.hash);
    }
    CHECK(hashes.size() >= 180);
  }
}

TEST_CASE("some schedule finds a bug, and its seed reproduces it") {
  for (const NamedProgram& program : kWrongPrograms) {
    CAPTURE(program.name);
    const std::uint64_t seed = first_failure(program.run, 1, 1000);
    REQUIRE(seed != 0);
    const Outcome found = run(program.run, seed);
    CAPTURE(seed, found.violation);
    CHECK_FALSE(found.violation.empty());
    for (int i = 0; i < 10; ++i) CHECK(run(program.run, seed) == found);
  }
}

}  // namespace timeslice::loop::test
