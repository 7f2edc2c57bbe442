// SPDX-License-Identifier: MIT
// What is one simulated schedule? A small program on a loop whose back end, clock and faults follow
// from one number, the seed, as do the program's own choices. So whatever goes wrong under a seed
// goes wrong again under the same seed; a hash of its trace shows whether two runs were the same.
#pragma once
#include <optional>
#include <random>
#include <stdexcept>

#include "tests/loop/support.h"

namespace timeslice::loop::test {

// An invariant doesn't hold.
struct Violation : std::logic_error {
  using std::logic_error::logic_error;
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed)
      : random_(seed * 2 + 1), loop_(std::in_place, options(seed)) {
    throws_ = below(4) == 0;
  }

  Loop& loop() { return *loop_; }
  void require(bool good, const char* what) const {
    if (!good) throw Violation(what);
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }
  // Part of the trace.
  template <typename... Facts>
  void note(Facts... facts) {
    ((hash_ = (hash_ ^ static_cast<std::uint64_t>(facts)) * 1'099'511'628'211), ...);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  // Starts a request and checks that it is called back once. In some schedules callbacks throw,
  // after their work is done.
  void start(Request& request, const Operation& operation, Done done) {
    loop_->start(request, operation, once(std::move(done)));
  }
  Done once(Done done) {
    const std::size_t number = begun_++;
    return [this, number, done = std::move(done), called = false](Request& request) mutable {
      require(!std::exchange(called, true), "a request came back twice");
      require(!request.in_flight(), "a request is in flight in its callback");
      ++ended_;
      came_back(number, request);
      if (done) done(request);
      maybe_throw();
    };
  }
  void came_back(std::size_t number, const Request& request) {
    require(!gone_, "a callback came after its loop");
    note(number, request.result() < 0 ? request.result() : request.result() > 0,
         loop_->now().count());
  }
  void maybe_throw() {
    if (throws_ && chance(5)) throw Planned();
  }

  // Until nothing is alive, or until it is stopped.
  void run() {
    for (bool ended = false; !ended;) {
      try {
        loop_->run();
        ended = true;
      } catch (const Planned&) {
        note(0xbad);
      } catch (...) {
        end_loop();  // before the requests, which may be in flight
        throw;
      }
    }
  }
  void finish() {
    run();
    require(!loop_->alive(), "the loop ended, and something is alive");
    require(begun_ == ended_, "a request never came back");
    end_loop();
  }
  void end_loop() {
    gone_ = true;
    loop_.reset();
  }

 private:
  struct Planned {};
  static Options options(std::uint64_t seed) {
    Options options;
    options.backend = BackendKind::sim;
    options.sim = {.seed = seed};
    return options;
  }

  std::mt19937_64 random_;
  std::uint64_t hash_ = 14'695'981'039'346'656'037U;
  std::size_t begun_ = 0, ended_ = 0;
  bool throws_ = false;
  bool gone_ = false;
  std::optional<Loop> loop_;
};

// Throws a Violation if an invariant doesn't hold under the schedule's seed.
using Program = void (*)(Schedule&);

struct NamedProgram {
  const char* name;
  Program run;
};
extern const std::vector<NamedProgram> kPrograms;
// These have a bug each, which not every schedule shows.
extern const std::vector<NamedProgram> kWrongPrograms;

}  // namespace timeslice::loop::test
