// SPDX-License-Identifier: MIT
// What does `co_await read(loop, ...)` wait on? An Awaitable, which is the request itself: it lives
// in the coroutine's frame, doesn't move, and costs no allocation of its own. The coroutine goes on
// within the request's callback, so that ticks and microtasks run after it, as after any callback.
//
//   int size = co_await recv(loop, fd, data.data(), data.size()).within(5s);
//
// The result is the operation's: bytes, a descriptor, or -errno; -ETIMEDOUT after within(), and
// -ECANCELED after a stop of the task (see coroutine.h). An operation never throws; a job's own
// exception does come out of co_await work(loop, job).
//
// The rule of requests holds here too: a frame isn't destroyed before the completion of what it
// waits for. Request asserts that.
#pragma once
#include <cerrno>
#include <coroutine>
#include <deque>
#include <exception>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "loop/core/multishot.h"
#include "loop/core/request.h"
#include "loop/core/timer.h"
#include "loop/coroutines/stop.h"

namespace timeslice::loop {

class Loop;

// What every promise here has: where to go on at the end, and what a stop reaches.
struct PromiseBase {
  std::coroutine_handle<> continuation;
  StopScope* scope = nullptr;
};

template <typename Promise>
StopScope* scope_of(std::coroutine_handle<Promise> who) {
  if constexpr (std::is_base_of_v<PromiseBase, Promise>) return who.promise().scope;
  return nullptr;  // another library's coroutine
}

// Lets `who` run until it waits, and whoever goes on because of that. The way from a callback into
// coroutines.
void resume(std::coroutine_handle<> who);

class Awaitable : public Request, private Stoppable {
 public:
  class Adjusted;

  Awaitable(Loop& loop, const Operation& operation) : home_(loop) { op = operation; }

  // Both are for the co_await expression in which this is a temporary.
  // Ends with -ETIMEDOUT when this time has passed since the start.
  [[nodiscard]] Adjusted within(Nanoseconds time);
  // Is neither refused nor cancelled when the task is stopped, as closing a descriptor never is:
  // for cleaning up.
  [[nodiscard]] Adjusted unstopped();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> who) {
    begin(who, scope_of(who));
  }
  [[nodiscard]] int await_resume() const noexcept { return refused_ ? -ECANCELED : result(); }

 private:
  void begin(std::coroutine_handle<> who, StopScope* scope);
  void go_on();
  void stop() override { cancel(); }

  Loop& home_;
  std::coroutine_handle<> who_;
  Nanoseconds limit_{0};
  bool heeds_stop_ = true;
  bool refused_ = false;
};

// An Awaitable by reference, to be awaited in its place: GCC 12 copies what it's given as one.
class Awaitable::Adjusted {
 public:
  explicit Adjusted(Awaitable& request) : request_(request) {}
  [[nodiscard]] Adjusted within(Nanoseconds time) const { return request_.within(time); }
  [[nodiscard]] Adjusted unstopped() const { return request_.unstopped(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> who) const {
    request_.await_suspend(who);
  }
  [[nodiscard]] int await_resume() const noexcept { return request_.await_resume(); }

 private:
  Awaitable& request_;
};

inline Awaitable::Adjusted Awaitable::within(Nanoseconds time) {
  limit_ = time;
  return Adjusted(*this);
}

inline Awaitable::Adjusted Awaitable::unstopped() {
  heeds_stop_ = false;
  return Adjusted(*this);
}

// 0 when the time has passed, or -ECANCELED.
class Sleep : private Stoppable {
 public:
  Sleep(Loop& loop, Nanoseconds time);

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> who) {
    begin(who, scope_of(who));
  }
  [[nodiscard]] int await_resume() const noexcept { return result_; }

 private:
  void begin(std::coroutine_handle<> who, StopScope* scope);
  void go_on();
  void stop() override;

  Timer timer_;
  const Nanoseconds time_;
  std::coroutine_handle<> who_;
  int result_ = 0;
};

// What a job or a coroutine came to: a value, or an exception.
template <typename T>
class Outcome {
 public:
  static_assert(!std::is_reference_v<T>, "return a pointer, or a std::reference_wrapper");
  struct Nothing {};
  using Value = std::conditional_t<std::is_void_v<T>, Nothing, T>;

  template <typename... Arguments>
  void set(Arguments&&... arguments) {
    value_.template emplace<1>(std::forward<Arguments>(arguments)...);
  }
  void fail(std::exception_ptr error) { value_.template emplace<2>(std::move(error)); }
  [[nodiscard]] bool failed() const { return value_.index() == 2; }
  // Throws what failed.
  Value take() {
    if (failed()) std::rethrow_exception(std::get<2>(std::move(value_)));
    return std::get<1>(std::move(value_));
  }

 private:
  std::variant<std::monostate, Value, std::exception_ptr> value_;
};

// A job on a pool thread, and its value or exception. A job that was stopped, or whose time was
// over, before it began was never run: that throws std::system_error, as its type leaves no room
// for an error number. One that has begun runs to its end.
template <typename Job>
class Work : public Awaitable {
 public:
  using Value = std::invoke_result_t<Job&>;

  Work(Loop& loop, Job function, bool slow)
      : Awaitable(loop, {.kind = Kind::work, .slow = slow}), function_(std::move(function)) {
    job = [this] { run(); };
  }
  Value await_resume() {
    if (const int error = Awaitable::await_resume(); error < 0)
      throw std::system_error(-error, std::generic_category(), "a job was not begun");
    return static_cast<Value>(outcome_.take());
  }

 private:
  void run() noexcept {
    try {
      if constexpr (std::is_void_v<Value>) {
        function_();
        outcome_.set();
      } else {
        outcome_.set(function_());
      }
    } catch (...) {
      outcome_.fail(std::current_exception());
    }
  }

  Job function_;
  Outcome<Value> outcome_;
};

// A listener's connections, one at each `co_await next()`: a socket, or the -errno with which it
// ended (-ECANCELED after a stop). It goes on accepting meanwhile; sockets that nobody took are
// closed with it. It may be dropped at any time: what is in flight then ends by itself.
class Connections {
 public:
  Connections(Loop& loop, int listener);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  class Next;
  [[nodiscard]] Next next();

 private:
  class Source;
  std::unique_ptr<Source> source_;
};

class Connections::Next : private Stoppable {
 public:
  explicit Next(Source& source) : source_(source) {}

  [[nodiscard]] bool await_ready() const noexcept;
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> who) {
    begin(who, scope_of(who));
  }
  [[nodiscard]] int await_resume();

 private:
  friend class Source;
  void begin(std::coroutine_handle<> who, StopScope* scope);
  void go_on();
  void stop() override;

  Source& source_;
  std::coroutine_handle<> who_;
};

inline Connections::Next Connections::next() { return Next(*source_); }

}  // namespace timeslice::loop
