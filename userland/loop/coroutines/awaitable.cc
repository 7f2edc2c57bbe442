// SPDX-License-Identifier: MIT
#include "loop/coroutines/awaitable.h"

#include <algorithm>

#include "loop/core/loop.h"
#include "loop/coroutines/roots.h"

namespace timeslice::loop {

// A refused operation becomes a nop, so that a task which doesn't look at its results can't keep
// the loop from its other callbacks.
void Awaitable::begin(std::coroutine_handle<> who, StopScope* scope) {
  who_ = who;
  if (op.kind == Kind::close) heeds_stop_ = false;
  if (!heeds_stop_) scope = nullptr;
  refused_ = scope && scope->requested();
  home_.start(*this, refused_ ? operations::nop() : Operation(op), [this](Request&) { go_on(); });
  if (limit_ > Nanoseconds{0}) expire_after(limit_);
  if (scope) scope->add(*this);
}

void Awaitable::go_on() {
  Stoppable::unlink();
  resume(who_);
}

Sleep::Sleep(Loop& loop, Nanoseconds time) : timer_(loop, [this] { go_on(); }), time_(time) {}

void Sleep::begin(std::coroutine_handle<> who, StopScope* scope) {
  who_ = who;
  if (scope && scope->requested()) return stop();
  timer_.start(time_);
  if (scope) scope->add(*this);
}

void Sleep::go_on() {
  unlink();
  resume(who_);
}

void Sleep::stop() {
  result_ = -ECANCELED;
  timer_.start(Nanoseconds{0});
}

class Connections::Source final : public Roots::Orphan {
 public:
  Source(Loop& home, int listener) : loop(home) {
    loop.accept_many(request, listener, [this](Request&) { arrived(); });
  }
  ~Source() override {
    for (const int fd : waiting) loop.close_now(fd);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void arrived() {
    if (request.more())
      waiting.push_back(request.result());
    else
      end = request.result();
    if (orphaned) return drop();
    if (next) std::exchange(next, nullptr)->go_on();
  }
  void drop() {
    if (end != 0) delete this;  // its destructor closes what came
  }
  // Nobody takes connections any more.
  void leave() {
    if (!request.in_flight()) {
      delete this;
      return;
    }
    orphaned = true;
    Roots::of(loop).adopt(*this);
    request.cancel();
  }

  Loop& loop;
  Multishot request;
  std::deque<int> waiting;
  Next* next = nullptr;
  int end = 0;
  bool orphaned = false;
};

Connections::Connections(Loop& loop, int listener)
    : source_(std::make_unique<Source>(loop, listener)) {}

Connections::~Connections() { source_.release()->leave(); }

bool Connections::Next::await_ready() const noexcept {
  return !source_.waiting.empty() || source_.end != 0;
}

void Connections::Next::begin(std::coroutine_handle<> who, StopScope* scope) {
  assert(!source_.next && "one coroutine at a time takes connections");
  who_ = who;
  source_.next = this;
  if (!scope) return;
  scope->add(*this);
  if (scope->requested()) stop();
}

void Connections::Next::go_on() {
  unlink();
  resume(who_);
}

void Connections::Next::stop() { source_.request.cancel(); }

int Connections::Next::await_resume() {
  if (source_.waiting.empty()) return source_.end;
  const int fd = source_.waiting.front();
  source_.waiting.pop_front();
  return fd;
}

}  // namespace timeslice::loop
