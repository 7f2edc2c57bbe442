// SPDX-License-Identifier: MIT
// Does a program on the loop hold in every order, not just in the one that this machine happens to
// give? This back end makes the real calls, but a seed decides which of the ready operations goes
// first, how much of a transfer is done at once, which try meets an EINTR or an EAGAIN or finds no
// buffer, and whether a cancel comes in time. The clock is virtual, so that a schedule with long
// timers takes no time. The same seed gives the same schedule, as long as nobody from outside takes
// part.
#pragma once
#include <atomic>
#include <random>
#include <vector>

#include "loop/backends/event_set.h"
#include "loop/core/backend.h"
#include "loop/core/fork_guard.h"
#include "loop/core/wake_fd.h"

namespace timeslice::loop {

class SimBackend final : public Backend {
 public:
  explicit SimBackend(const SimOptions& options);

  [[nodiscard]] const char* name() const override { return "sim"; }
  void submit(Request& request) override;
  void cancel(Request& request) override;
  void wait(Nanoseconds timeout) override;
  void wake() noexcept override { wake_.wake(); }
  void close_now(int fd) override;
  [[nodiscard]] Nanoseconds now() const override;
  void end() override;
  void abandon() noexcept override;

 private:
  enum class Tried {
    ended,
    goes_on,  // it told something, or had no room for it
    in_vain,
  };

  bool chance(unsigned percent);
  std::size_t below(std::size_t limit);
  std::vector<Request*> shuffled();
  bool some_can_go_on();
  void attempt_some();
  void attempt_beside();
  Tried attempt(Request& request);
  Tried attempt_shot(Multishot& request, std::size_t limit);
  int try_it(Request& request, std::size_t limit);
  [[nodiscard]] std::size_t how_much(const Operation& op);
  void advance(Nanoseconds timeout);
  void wait_for_outside(Nanoseconds timeout);
  bool take_wake();

  const SimOptions options_;
  std::mt19937_64 random_;
  Nanoseconds now_{0};
  List<Request> waiting_;
  EventSet beside_;  // those that were ready and got nothing: until something changes
  WakeFd wake_;
  const ClosedInChildren wake_stays_here_;
};

}  // namespace timeslice::loop
