// SPDX-License-Identifier: MIT
// How is a sequence of operations written as one? As a coroutine over the callbacks:
//
//   Co<std::string> ask(Loop& loop, int fd, std::string question) {
//     if (co_await send(loop, fd, question.data(), question.size()) < 0) co_return "";
//     std::string answer(4096, '\0');
//     const int size = co_await recv(loop, fd, answer.data(), answer.size()).within(5s);
//     answer.resize(std::max(size, 0));
//     co_return answer;
//   }
//   Co<> talk(Loop& loop, int fd) { print(co_await ask(loop, fd, "how are you?")); }
//
//   std::stop_source stop;
//   spawn(loop, talk(loop, fd), stop.get_token());
//   loop.run();
//
// A Co begins when it is awaited, which can be done once, and its exception comes out of that
// await. A spawned one, a root, begins with the next tick; an exception that leaves it ends
// loop.run(), as that of a callback does. Parameters by value live in the frame; what a reference
// or a pointer names must outlive the coroutine. A lambda's captures don't live in the frame. And
// where GCC 12 compiles it, no co_await stands behind &&, || or ?: in the condition of a loop, in a
// co_return, or in a CHECK of Catch2: it would be awaited whatever the left side says.
//
// Stop. The token belongs to the task, not to each await: a root is given one, and all that it
// awaits, also many calls down, inherits it; nobody has to pass it on, and so nobody can forget to.
// A stop cancels what is in flight, which still is waited for: the await gives -ECANCELED, or the
// real result if that was quicker. Later awaits aren't begun any more and give -ECANCELED in the
// loop's next turn, but for closes and what is unstopped(). The owner of the std::stop_source may
// request the stop from any thread: on the loop's own it takes effect at once, from another one the
// loop is woken and does it.
//
// A Loop that goes away cancels the requests in flight and waits for their end; then it destroys
// the frames, the roots newest first (later ones may use what belongs to earlier ones), and in each
// from the innermost call outwards, as a stack unwinds. Destructors may close descriptors, but
// start nothing. In a forked child the parent's frames are left as they are.
#pragma once
#include <cassert>
#include <cstddef>
#include <stop_token>
#include <tuple>
#include <vector>

#include "loop/coroutines/verbs.h"

namespace timeslice::loop {

// Says who goes on after the one that is about to wait or to end, which then returns to resume().
// The language has this as symmetric transfer, but GCC makes a jump of it only when it optimises,
// and never under a sanitizer: there each await that is over at once would cost stack.
void go_on_with(std::coroutine_handle<> who);

template <typename T>
class Co;

namespace detail {

struct GoOnAtEnd {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    go_on_with(ended.promise().continuation);
  }
  void await_resume() const noexcept {}
};

template <typename T>
struct PromiseOf : PromiseBase {
  std::suspend_always initial_suspend() noexcept { return {}; }
  GoOnAtEnd final_suspend() noexcept { return {}; }
  void unhandled_exception() { outcome.fail(std::current_exception()); }
  Outcome<T> outcome;
};

template <typename T>
struct Promise : PromiseOf<T> {
  Co<T> get_return_object();
  template <typename Value>
  void return_value(Value&& value) {
    this->outcome.set(std::forward<Value>(value));
  }
};

template <>
struct Promise<void> : PromiseOf<void> {
  Co<void> get_return_object();
  void return_void() { outcome.set(); }
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Co {
 public:
  using promise_type = detail::Promise<T>;
  using Frame = std::coroutine_handle<promise_type>;

  explicit Co(Frame frame) : frame_(frame) {}
  Co(Co&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Co& operator=(Co other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  // Of one that waits for a request: not before that has come back.
  ~Co() {
    if (frame_) frame_.destroy();
  }

  struct Awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> who) {
      assert(frame && !frame.promise().continuation && "a coroutine is awaited once");
      frame.promise().continuation = who;
      frame.promise().scope = scope_of(who);
      go_on_with(frame);
    }
    T await_resume() { return static_cast<T>(frame.promise().outcome.take()); }
    Frame frame;
  };
  Awaiter operator co_await() && noexcept { return Awaiter{frame_}; }

 private:
  Frame frame_;
};

template <typename T>
Co<T> detail::Promise<T>::get_return_object() {
  return Co<T>(Co<T>::Frame::from_promise(*this));
}
inline Co<void> detail::Promise<void>::get_return_object() {
  return Co<void>(Co<void>::Frame::from_promise(*this));
}

// Begins `task` with the next tick, as nobody's part. A stop by `token` reaches all of it.
void spawn(Loop& loop, Co<void> task, std::stop_token token = {});

// `co_await stop_requested()`: was this task asked to stop? Doesn't wait.
class stop_requested {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) noexcept {
    const StopScope* const scope = scope_of(who);
    yes_ = scope && scope->requested();
    return false;
  }
  [[nodiscard]] bool await_resume() const noexcept { return yes_; }

 private:
  bool yes_ = false;
};

namespace detail {

class Join;

// A task's part in a Join.
class Branch {
 public:
  struct promise_type : PromiseBase {
    Branch get_return_object() {
      return Branch(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    GoOnAtEnd final_suspend() noexcept;
    void unhandled_exception() noexcept { std::terminate(); }  // the task's own are caught
    void return_void() noexcept {}
    Join* join = nullptr;
  };
  explicit Branch(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Branch(Branch&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Branch& operator=(Branch&&) = delete;
  ~Branch() {
    if (frame_) frame_.destroy();
  }

 private:
  friend class Join;
  std::coroutine_handle<promise_type> frame_;
};

// Several tasks, awaited together by the coroutine in whose frame this is: until all have ended.
class Join {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0};
  enum class Until : std::uint8_t { all, any };
  explicit Join(Until until) : until_(until) {}

  template <typename T>
  void add(Co<T> task, Outcome<T>& outcome) {
    branches_.push_back(run(std::move(task), outcome, branches_.size()));
  }
  // The first one that ended, or, if it's for all, that failed.
  [[nodiscard]] std::size_t decided_by() const { return decided_by_; }

  [[nodiscard]] bool await_ready() const noexcept { return branches_.empty(); }
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return begin(who, scope_of(who));
  }
  void await_resume() { scope_.unlink(); }

 private:
  friend Branch::promise_type;

  template <typename T>
  Branch run(Co<T> task, Outcome<T>& outcome, std::size_t index) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        outcome.set();
      } else {
        outcome.set(co_await std::move(task));
      }
    } catch (...) {
      outcome.fail(std::current_exception());
    }
    ended(index, outcome.failed());
  }
  bool begin(std::coroutine_handle<> who, StopScope* outer);
  void ended(std::size_t index, bool failed);
  // What waits for the last one.
  std::coroutine_handle<> one_less();

  const Until until_;
  std::size_t decided_by_ = kNone;
  std::size_t left_ = 0;
  std::coroutine_handle<> who_;
  StopScope scope_;
  std::vector<Branch> branches_;
};

}  // namespace detail

// All of the tasks, at the same time: their values, in their order. If one fails, the others are
// stopped and waited for, and its exception is thrown. A void task's value is an Outcome::Nothing.
template <typename... T>
Co<std::tuple<typename Outcome<T>::Value...>> when_all(Co<T>... tasks) {
  std::tuple<Outcome<T>...> outcomes;
  detail::Join join(detail::Join::Until::all);
  std::apply([&](auto&... outcome) { (join.add(std::move(tasks), outcome), ...); }, outcomes);
  co_await join;
  std::size_t index = 0;
  std::apply(  // the one that failed first, before those that failed because of it
      [&](auto&... outcome) {
        ((index++ == join.decided_by() ? static_cast<void>(outcome.take()) : void()), ...);
      },
      outcomes);
  co_return std::apply(
      [](auto&... outcome) { return std::tuple<typename Outcome<T>::Value...>{outcome.take()...}; },
      outcomes);
}

template <typename T>
Co<std::vector<typename Outcome<T>::Value>> when_all(std::vector<Co<T>> tasks) {
  std::vector<Outcome<T>> outcomes(tasks.size());
  detail::Join join(detail::Join::Until::all);
  for (std::size_t i = 0; i < tasks.size(); ++i) join.add(std::move(tasks[i]), outcomes[i]);
  co_await join;
  if (join.decided_by() != detail::Join::kNone) outcomes[join.decided_by()].take();
  std::vector<typename Outcome<T>::Value> values;
  for (Outcome<T>& outcome : outcomes) values.push_back(outcome.take());
  co_return values;
}

// The task that ends first: its place and its value, or its exception. The others are stopped and
// waited for; what they come to is dropped.
template <typename T>
struct First {
  std::size_t index;
  typename Outcome<T>::Value value;
};

template <typename T>
Co<First<T>> when_any(std::vector<Co<T>> tasks) {
  assert(!tasks.empty());
  std::vector<Outcome<T>> outcomes(tasks.size());
  detail::Join join(detail::Join::Until::any);
  for (std::size_t i = 0; i < tasks.size(); ++i) join.add(std::move(tasks[i]), outcomes[i]);
  co_await join;
  co_return First<T>{join.decided_by(), outcomes[join.decided_by()].take()};
}

template <typename T, typename... More>
requires(std::is_same_v<T, More>&&...) Co<First<T>> when_any(Co<T> task, Co<More>... more) {
  std::vector<Co<T>> tasks;
  tasks.push_back(std::move(task));
  (tasks.push_back(std::move(more)), ...);
  return when_any(std::move(tasks));
}

}  // namespace timeslice::loop
