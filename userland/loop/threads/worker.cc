// SPDX-License-Identifier: MIT
#include "loop/threads/worker.h"

#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>

#include "loop/core/signals_blocked.h"

namespace timeslice::loop {

namespace {

constexpr int kFailed = 1;

// Thrown by exit() through the loop's run(), so that nothing else is called.
struct Exit {};

std::atomic<unsigned> workers_made{0};

std::string thread_name(unsigned number) { return "loop-worker-" + std::to_string(number); }

// The kernel keeps 15 characters; from 1000 on the last digit is lost rather than the name.
void name_this_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

WorkerContext::WorkerContext(Loop& loop, Port& port, const std::string& name, Kept& kept)
    : loop_(loop), port_(port), name_(name), kept_(kept), thread_id_(::gettid()) {}

void WorkerContext::exit(int code) {
  if (exit_code_) return;
  exit_code_ = code;
  loop_.next_tick([] { throw Exit{}; });
}

// Makes terminate() reach the loop.
class Worker::Reachable {
 public:
  Reachable(Worker& worker, Waker& stop) : worker_(worker) { set(&stop); }
  ~Reachable() { set(nullptr); }
  Reachable(const Reachable&) = delete;
  Reachable& operator=(const Reachable&) = delete;

  [[nodiscard]] bool terminating() const {
    const std::lock_guard lock(worker_.mutex_);
    return worker_.terminating_;
  }

 private:
  void set(Waker* stop) {
    const std::lock_guard lock(worker_.mutex_);
    worker_.stop_ = stop;
  }

  Worker& worker_;
};

Worker::Worker(Loop& parent, WorkerOptions options, Main main, WorkerEvents events)
    : Guest(parent),
      options_(std::move(options)),
      events_(std::make_shared<const WorkerEvents>(std::move(events))),
      exit_(std::in_place, parent, [this] { on_thread_end(); }) {
  const unsigned number = ++workers_made;
  if (options_.name.empty()) options_.name = thread_name(number);
  auto [ours, theirs] = make_channel();
  port_ = std::move(ours);
  port_.bind(
      parent,
      [events = events_](Message& message) {
        if (events->on_message) events->on_message(message);
      },
      [this] { exit_->send(); });
  port_.unref();  // exit_ holds the loop
  start(std::move(theirs), std::move(main), number);
}

void Worker::start(Port port, Main main, unsigned number) {
  const SignalsBlocked quiet;
  try {
    thread_ = std::thread([this, number, port = std::move(port), main = std::move(main)]() mutable {
      name_this_thread(thread_name(number));
      run(std::move(port), main);
    });
  } catch (const std::system_error& refusal) {
    error_ = std::make_exception_ptr(
        std::system_error(refusal.code(), "cannot start the thread of worker " + options_.name));
    code_ = kFailed;
    ended_ = true;  // and the port that it would have had is closed, which brings the events
  }
}

// The thread, from its start to its end.
void Worker::run(Port port, const Main& main) noexcept {
  try {
    code_ = run_loop(port, main);
  } catch (...) {
    error_ = std::current_exception();
    code_ = kFailed;
  }
  port.close();
  ended_ = true;
  exit_->send();
}

int Worker::run_loop(Port& port, const Main& main) {
  WorkerContext::Kept kept;
  struct LastFirst {
    WorkerContext::Kept& kept;
    ~LastFirst() {
      while (!kept.empty()) kept.pop_back();
    }
  } order{kept};
  Loop loop(options_.loop);
  WorkerContext context(loop, port, options_.name, kept);
  Waker stop(loop, [&] { loop.stop(); });
  stop.unref();
  const Reachable reachable(*this, stop);
  try {
    if (!reachable.terminating()) {
      main(context);
      if (!context.exit_code_) loop.run();  // from here on, terminate() stops it
    }
  } catch (const Exit&) {
  }
  if (context.exit_code_) return *context.exit_code_;
  return reachable.terminating() ? kFailed : 0;
}

// Three things make the end, and this is called at each: the thread has ended, its last message was
// delivered, its error was. One event a call, so that each is a callback of its own, and one that
// throws doesn't take the others with it.
void Worker::on_thread_end() {
  if (!ended_ || port_.is_open()) return;
  if (thread_.joinable()) thread_.join();
  const auto events = events_;
  if (const std::exception_ptr error = std::exchange(error_, nullptr)) {
    exit_->send();
    if (!events->on_error) std::rethrow_exception(error);
    return events->on_error(error);
  }
  exit_.reset();
  if (events->on_exit) events->on_exit(code_);
}

void Worker::terminate() {
  const std::lock_guard lock(mutex_);
  terminating_ = true;
  if (stop_ != nullptr) stop_->send();
}

void Worker::end() {
  terminate();
  if (thread_.joinable()) thread_.join();
  exit_.reset();
}

Worker::~Worker() { end(); }

void Worker::ref() {
  if (exit_) exit_->ref();
}

void Worker::unref() {
  if (exit_) exit_->unref();
}

}  // namespace timeslice::loop
