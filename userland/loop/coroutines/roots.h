// SPDX-License-Identifier: MIT
// Who owns a coroutine that nobody awaits, and a request whose owner didn't want to wait for its
// end? These roots, which a loop keeps and which go with it, once no request is in flight.
#pragma once
#include <atomic>
#include <exception>
#include <optional>
#include <stop_token>
#include <thread>

#include "loop/core/loop.h"
#include "loop/coroutines/awaitable.h"

namespace timeslice::loop {

class Roots;

struct RootPromise : PromiseBase, Link {
  using Frame = std::coroutine_handle<RootPromise>;
  // Leaves it to resume() to free the frame, and to throw what left it.
  struct Finish {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(Frame ended) const noexcept;
    void await_resume() const noexcept {}
  };
  // From whichever thread.
  struct AskToStop {
    RootPromise& root;
    void operator()() const noexcept;
  };

  Frame get_return_object() { return Frame::from_promise(*this); }
  std::suspend_always initial_suspend() noexcept { return {}; }
  Finish final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
  void return_void() {}

  Roots* roots = nullptr;
  StopScope own_scope;
  std::exception_ptr error;
  std::atomic<bool> asked_from_outside{false};
  std::optional<std::stop_callback<AskToStop>> stop;
};

class Roots final : public Loop::Kept {
 public:
  struct Orphan : Link {
    virtual ~Orphan() = default;
  };

  explicit Roots(Loop& loop) : loop_(loop) {}
  ~Roots() override;
  static Roots& of(Loop& loop);

  void adopt(Orphan& orphan) { orphans_.push_back(orphan); }
  void adopt(RootPromise& root, std::stop_token token);
  void ask_to_stop(RootPromise& root) noexcept;

 private:
  void pass_stops_on();

  Loop& loop_;
  const std::thread::id thread_ = std::this_thread::get_id();
  List<RootPromise> roots_;
  List<Orphan> orphans_;
  std::optional<Waker> waker_;  // for stops from other threads
};

}  // namespace timeslice::loop
