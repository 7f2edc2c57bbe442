// SPDX-License-Identifier: MIT
#include "loop/core/loop.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "loop/core/deadline.h"
#include "loop/core/fork_guard.h"
#include "loop/core/knocks.h"
#include "loop/core/probe.h"
#include "loop/core/signals_of_writes.h"

namespace timeslice::loop {

namespace {

constexpr Nanoseconds kNoWait{0};
constexpr Nanoseconds kForEver{-1};

// ThreadSanitizer holds a signal back until one of its own wrappers runs, and the system calls that
// we sleep in have none: a signal that comes just before such a sleep would wait as long as it
// does. (A simulation sleeps in none, and its time is virtual.)
Nanoseconds as_long_as_signals_may_wait(Nanoseconds timeout, [[maybe_unused]] const Backend& in) {
#ifdef __SANITIZE_THREAD__
  constexpr Nanoseconds kLongest{100'000'000};
  const bool longer = timeout < kNoWait || timeout > kLongest;
  if (longer && std::string_view(in.name()) != "sim") return kLongest;
#endif
  return timeout;
}

// Out of the queue before it's called, so that one which throws isn't called again.
Task take_from(std::deque<Task>& queue) {
  Task task = std::move(queue.front());
  queue.pop_front();
  return task;
}

void probe_completion(const Request& request) {
  TS_PROBE(complete, &request, request.op.kind, request.op.result, request.op.route);
}

// Empties what is in `list` now into `take`; if that throws, the rest goes back.
template <typename T, typename Take>
void take_all(List<T>& list, Take take) {
  if (list.empty()) return;
  struct Batch {
    List<T>& home;
    List<T> items;
    ~Batch() {
      items.append(home);
      home.append(items);
    }
  } batch{list, {}};
  batch.items.append(list);
  while (!batch.items.empty()) take(batch.items.pop_front());
}

// Keeps `flag` set for as long as it lives, also when an exception passes.
class During {
 public:
  explicit During(bool& flag) : flag_(flag) { flag_ = true; }
  ~During() { flag_ = false; }
  During(const During&) = delete;
  During& operator=(const During&) = delete;

 private:
  bool& flag_;
};

// Others see the loop while it runs, which an exception may end.
class Shown {
 public:
  explicit Shown(Publication& of) : of_(of) {}
  ~Shown() { of_.stopped(); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;

 private:
  Publication& of_;
};

// A simulation's virtual clock says nothing to others.
bool has_real_clock(const Options& options) {
  return options.backend != BackendKind::sim || options.sim.outside_world;
}

}  // namespace

Loop::Loop(const Options& asked)
    : generation_(fork_generation),
      pool_size_(std::clamp(asked.pool_size, 1U, kMaxPoolSize)),
      publication_(has_real_clock(asked)) {
  Options options = asked;
  options.pool_size = pool_size_;
  if (options.backend == BackendKind::uring) backend_ = make_uring_backend(options, backend_note_);
  if (options.backend == BackendKind::sim) backend_ = make_sim_backend(options);
  if (!backend_) backend_ = make_epoll_backend(options);
  backend_->publication = &publication_;
  ignore_signals_of_writes();
  update_time();
}

Loop::~Loop() {
  if (!at_home()) {
    abandon();
    return;
  }
  assert(!running_ && thread_ == current_thread());
  while (!guests_.empty()) guests_.pop_front().loop_ends();
  if (knocks_) knocks_->end();
  backend_->end();
  while (!backend_->ready().empty()) end(backend_->ready().pop_front());
  while (!backend_->deliveries().empty()) end_next_delivery();
  let_go();
  kept_.reset();
}

// A connection that wasn't reported yet reaches no callback, so nothing else could close it.
void Loop::end_next_delivery() {
  Multishot* request = nullptr;
  const Multishot::Shot shot = backend_->take_shot(request);
  request->op.result = shot.result;
  if (shot.last) return end(*request);
  if (request->op.kind == Kind::accept_many) backend_->close_now(shot.result);
}

// Of all that only the loop's own lists know.
void Loop::let_go() {
  while (!timers_.empty()) {
    TimerNode& node = timers_.first();
    timers_.remove(node);
    if (node.owner_ == TimerNode::Owner::timer) static_cast<Timer&>(node).deactivate();
  }
  while (!due_.empty()) due_.front().stop();
  for (List<Hook>& list : hooks_)
    while (!list.empty()) list.front().stop();
  while (!wakers_.empty()) wakers_.pop_front().deactivate();
  while (!buffers_.empty()) {
    Buffers& buffers = buffers_.pop_front();
    if (at_home()) backend_->remove(buffers);
    buffers.backend_ = nullptr;
  }
}

// In a forked child all that the loop had is its parent's. What was in flight here never ends.
void Loop::abandon() {
  let_go();
  backend_->abandon();
  // Kept for ever: requests are still linked to it, and its locks may be held by no one.
  static_cast<void>(backend_.release());
  static_cast<void>(kept_.release());
}

void Loop::say_not_at_home() {
  throw std::logic_error("this loop belongs to the parent process: make loops after the fork");
}

// Without its callback, when the loop goes. What the callback holds goes now, as if it had run;
// that may be the request itself.
void Loop::end(Request& request) {
  if (request.in_heap()) timers_.remove(request);
  request.cancel_asked_ = true;
  request.op.result = as_asked(request);
  request.deactivate();
  const Done done = std::move(request.done_);
  const Task job = std::move(request.job);
}

void Loop::run() {
  assert(!running_);
  be_at_home();
  const During running(running_);
  const Shown shown(publication_);
  // A run that an exception ended may have taken a wake without calling its waker.
  if (std::exchange(cut_short_, true)) backend_->wake();
  drain_ticks();  // of whoever set the loop up: its "main script" has ended
  if (alive() && !stopping_) run_timers();
  while (alive() && !stopping_) {
    ++counters_.turns;
    TS_PROBE(turn, this, counters_.turns);
    enter("pending"), run_pending();
    enter("idle"), run_hooks(Phase::idle);
    enter("prepare"), run_hooks(Phase::prepare);
    enter("poll"), poll_for_events();
    enter("check"), run_check();
    enter("close"), run_closing();
    enter("timers"), run_timers();
  }
  stopping_ = false;
  cut_short_ = false;
}

bool Loop::alive() const {
  return backend_->alive > 0 || !immediates_.empty() || !closing_.empty() || !ticks_.empty() ||
         !microtasks_.empty();
}

void Loop::update_time() {
  now_ = backend_->now();
  publication_.time(static_cast<std::uint64_t>(now_.count()));
}

Counters Loop::counters() const {
  Counters counters = counters_;
  counters.system_calls = backend_->system_calls();
  return counters;
}

// What ended without a wait since the last poll, or was left over when a callback threw. Only what
// is here now: requests that end within their start could otherwise hold this phase for ever.
void Loop::run_pending() {
  take_all(backend_->ready(), [this](Request& request) { complete(request); });
  for (std::size_t left = backend_->shots(); left > 0; --left) deliver_next();
}

void Loop::run_hooks(Phase phase) {
  hooks(phase).walk([this](Hook& hook) { call(Task(hook.on_turn_)); });
}

void Loop::poll_for_events() {
  update_time();  // callbacks so far took their time: the next deadline is nearer now
  const Nanoseconds before = now_;
  const Nanoseconds timeout = poll_timeout();
  publication_.turns(counters_.turns);
  if (timeout != kNoWait) publication_.wait_begins(static_cast<std::uint64_t>(before.count()));
  backend_->wait(timeout);
  update_time();
  if (timeout != kNoWait) {
    counters_.idle_ns += static_cast<std::uint64_t>((now_ - before).count());
    publication_.wait_ended(counters_.idle_ns);
  }
  run_pending();
  call_wakers();
}

// How long may we sleep? Not at all while something is left to do in this turn or the next one.
Nanoseconds Loop::poll_timeout() const {
  const bool something_to_do = !immediates_.empty() || !closing_.empty() || !due_.empty() ||
                               !hooks_[0].empty() || !backend_->ready().empty() ||
                               !backend_->deliveries().empty();
  if (stopping_ || backend_->alive == 0 || something_to_do) return kNoWait;
  const bool never = timers_.empty() || timers_.first_deadline() == kNever;
  const Nanoseconds timeout = never ? kForEver : std::max(timers_.first_deadline() - now_, kNoWait);
  return as_long_as_signals_may_wait(timeout, *backend_);
}

void Loop::call_wakers() {
  wakers_.walk([this](Waker& waker) {
    if (!waker.sent_.exchange(false)) return;
    ++counters_.events;
    publication_.callback_of("waker");
    call(Task(waker.on_wake_));
  });
}

void Loop::run_check() {
  run_hooks(Phase::check);
  run_all_of(immediates_);
}

void Loop::run_closing() { run_all_of(closing_); }

// Those queued now; what they queue in turn waits for the next turn.
void Loop::run_all_of(std::deque<Task>& queue) {
  for (std::size_t left = queue.size(); left > 0; --left) {
    call(take_from(queue));
  }
}

// Where the turn is now, for an outside observer.
void Loop::enter(const char* phase) {
  publication_.phase(phase);
  TS_PROBE(phase, this, phase);
}

// Due timers are set aside first: a timer started with no delay by one of them fires in the next
// turn, and so timers can't keep the loop from its other phases. Requests whose time is over are
// cancelled, and come back on their own.
void Loop::run_timers() {
  if (timers_.empty() && due_.empty()) return;  // a look at the clock less
  update_time();
  while (!timers_.empty() && timers_.first_deadline() <= now_) {
    TimerNode& node = timers_.first();
    timers_.remove(node);
    if (node.owner_ == TimerNode::Owner::request)
      expire(static_cast<Request&>(node));
    else
      due_.push_back(static_cast<Timer&>(node));
  }
  while (!due_.empty()) fire(due_.pop_front());
}

void Loop::expire(Request& request) {
  request.expired_ = true;
  request.cancel();
}

void Loop::fire(Timer& timer) {
  timer.deactivate();
  // The callback may destroy its timer, or throw.
  struct Fired {
    Timer*& timer;
    Task task;
    ~Fired() {
      if (!timer) return;
      timer->watched_by_ = nullptr;
      timer->on_fire_ = std::move(task);
    }
  } fired{fired_ = &timer, std::move(timer.on_fire_)};
  timer.watched_by_ = &fired_;
  if (timer.repeat_ > Nanoseconds{0}) {
    const Nanoseconds missed = (now_ - timer.deadline_) / timer.repeat_ * timer.repeat_;
    timer.deadline_ = deadline_after(timer.deadline_ + missed, timer.repeat_);
    timers_.insert(timer, timer.deadline_);
    timer.activate(backend_->alive);
  }
  call(fired.task);
}

// What a cancel or a deadline that was in time is told as. A kernel worker that it wakes says
// -EINTR, which nothing else gives; but a close that says so has closed.
int Loop::as_asked(const Request& request) {
  const bool woken = request.op.result == -EINTR && request.op.kind != Kind::close;
  const bool not_yet = request.op.result == -EAGAIN && knocks(request.op);
  const bool cut_short =
      request.op.result == -ECANCELED || (request.cancel_asked_ && (woken || not_yet));
  if (!cut_short) return request.op.result;
  return request.expired_ ? -ETIMEDOUT : -ECANCELED;
}

// From now on the request is its owner's again.
inline void Loop::settle(Request& request) {
  request.op.stage = Operation::Stage::idle;
  if (request.job) request.job = nullptr;
  if (request.in_heap()) timers_.remove(request);
  if (request.op.result < 0) request.op.result = as_asked(request);
  request.deactivate();
  ++counters_.events;
  publication_.callback_of(name_of(request.op.kind));
  probe_completion(request);
}

void Loop::knock_later(Request& request) {
  if (!knocks_) knocks_ = std::make_unique<Knocks>(*this, *backend_);
  knocks_->add(request);
}

[[gnu::flatten]] void Loop::complete(Request& request) {
  const bool not_yet = request.op.result == -EAGAIN && knocks(request.op);
  if (not_yet && !request.cancel_asked_) return knock_later(request);
  settle(request);
  const Done done =
      std::move(request.done_);  // the callback may start the request anew, or free it
  call(done, request);
}

// One thing that a multishot request has to tell.
void Loop::deliver_next() {
  Multishot* request = nullptr;
  const Multishot::Shot shot = backend_->take_shot(request);
  request->op.result = shot.result;
  request->data_ = {};
  if (shot.last) return complete(*request);
  struct Borrowed {
    Buffers* buffers;
    Buffers::Id id;
    ~Borrowed() {
      if (id != Buffers::kNone) buffers->give_back(id);
    }
  } const borrowed{request->buffers, shot.buffer};
  if (shot.buffer != Buffers::kNone)
    request->data_ = request->buffers->at(shot.buffer).first(static_cast<std::size_t>(shot.result));
  ++counters_.events;
  publication_.callback_of(name_of(request->op.kind));
  probe_completion(*request);
  call(request->done_, *request);
}

// All ticks, then all microtasks; both may queue more of both, and the loop waits for them.
void Loop::run_ticks() {
  while (!ticks_.empty() || !microtasks_.empty()) {
    while (!ticks_.empty()) take_from(ticks_)();
    while (!microtasks_.empty()) take_from(microtasks_)();
  }
}

// `op` and the callback are there already.
void Loop::begin(Request& request) {
  be_at_home();
  request.loop_ = this;
  request.expired_ = request.cancel_asked_ = false;
  request.activate(backend_->alive);
  TS_PROBE(submit, &request, request.op.kind, request.op.fd, request.op.size);
  backend_->submit(request);
}

void Loop::accept_many(Multishot& request, int listener, Done done) {
  request.begin(nullptr);
  start(request, {.kind = Kind::accept_many, .fd = listener}, std::move(done));
}

void Loop::recv_many(Multishot& request, int fd, Buffers& buffers, Done done) {
  request.begin(&buffers);
  start(request, {.kind = Kind::recv_many, .fd = fd}, std::move(done));
}

void Loop::work(Request& request, Task job, Done done) {
  request.job = std::move(job);
  start(request, {.kind = Kind::work}, std::move(done));
}

void Loop::slow_work(Request& request, Task job, Done done) {
  request.job = std::move(job);
  start(request, {.kind = Kind::work, .slow = true}, std::move(done));
}

}  // namespace timeslice::loop
