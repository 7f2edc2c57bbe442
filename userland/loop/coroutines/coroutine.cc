// SPDX-License-Identifier: MIT
#include "loop/coroutines/coroutine.h"

#include "loop/coroutines/roots.h"

namespace timeslice::loop {

namespace {

thread_local bool resuming = false;
// Set while a coroutine is about to return to resume().
thread_local std::coroutine_handle<> next_to_run;
thread_local RootPromise::Frame ended_root;

struct Root {
  using promise_type = RootPromise;
  Root(RootPromise::Frame made) : frame(made) {}  // NOLINT(google-explicit-constructor)
  RootPromise::Frame frame;
};

Root run_root(Co<void> task) { co_await std::move(task); }

void free_and_throw(RootPromise::Frame root) {
  const std::exception_ptr error = std::move(root.promise().error);
  root.destroy();
  if (error) std::rethrow_exception(error);
}

}  // namespace

void RootPromise::Finish::await_suspend(Frame ended) const noexcept { ended_root = ended; }

// Another library's coroutine may have been begun by somebody else.
void go_on_with(std::coroutine_handle<> who) {
  if (resuming)
    next_to_run = who;
  else
    resume(who);
}

void resume(std::coroutine_handle<> who) {
  assert(!next_to_run);
  struct Resuming {
    const bool before = std::exchange(resuming, true);
    ~Resuming() { resuming = before; }
  } const now;
  for (; who; who = std::exchange(next_to_run, nullptr)) who.resume();
  if (ended_root) free_and_throw(std::exchange(ended_root, nullptr));
}

void spawn(Loop& loop, Co<void> task, std::stop_token token) {
  const RootPromise::Frame root = run_root(std::move(task)).frame;
  Roots::of(loop).adopt(root.promise(), std::move(token));
  loop.next_tick([root] { resume(root); });
}

namespace detail {

GoOnAtEnd Branch::promise_type::final_suspend() noexcept {
  continuation = join->one_less();
  return {};
}

bool Join::begin(std::coroutine_handle<> who, StopScope* outer) {
  who_ = who;
  if (outer) outer->add(scope_);
  if (outer && outer->requested()) scope_.request();
  left_ = branches_.size() + 1;
  for (Branch& branch : branches_) {
    branch.frame_.promise().join = this;
    branch.frame_.promise().scope = &scope_;
    if (decided_by_ == kNone)
      resume(branch.frame_);
    else
      --left_;  // decided before it began: it never does
  }
  return --left_ > 0;
}

void Join::ended(std::size_t index, bool failed) {
  if (decided_by_ != kNone || !(failed || until_ == Until::any)) return;
  decided_by_ = index;
  scope_.request();
}

std::coroutine_handle<> Join::one_less() { return --left_ == 0 ? who_ : nullptr; }

}  // namespace detail

}  // namespace timeslice::loop
