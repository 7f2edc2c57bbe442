// SPDX-License-Identifier: MIT
#include "loop/backends/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "loop/backends/blocking.h"
#include "loop/core/probe.h"
#include "loop/core/signals_blocked.h"

namespace timeslice::loop {

namespace {

void name_thread(unsigned number) {
  // The kernel keeps 15 characters; from 1000 on the last digit is lost rather than the name.
  char name[16];
  if (std::snprintf(name, sizeof name, "pool-worker-%u", number) >= 0)
    ::pthread_setname_np(::pthread_self(), name);
}

}  // namespace

void ThreadPool::submit(Request& request) {
  if (threads_.empty()) start_threads();
  const std::lock_guard lock(mutex_);
  if (threads_.empty()) return done(request, -EAGAIN);
  request.op.route = Route::pool_thread;
  request.op.stage = Operation::Stage::waiting;
  TS_PROBE(pool_enqueue, &request, request.op.kind);
  (request.op.slow ? slow_queue_ : queue_).push_back(request);
  ++(request.op.slow ? slow_queued_ : queued_);
  publish();
  // A busy thread looks at the queue by itself when it's done: waking one would be a wasted call.
  if (idle_threads_ > 0 && something_to_take()) something_to_do_.notify_one();
}

void ThreadPool::start_threads() {
  // A handler that interrupted a worker's system call would be seen as that operation's error.
  const SignalsBlocked quiet;
  try {
    for (unsigned number = 0; number < size_; ++number)
      threads_.emplace_back([this, number] { work(number); });
  } catch (const std::exception&) {
    // The system refuses more threads, or memory for them: fewer do the same work. With none,
    // submit() answers -EAGAIN.
  }
  const std::lock_guard lock(mutex_);
  started_ = static_cast<unsigned>(threads_.size());
  publish();
}

// For whoever looks from outside. With the mutex held.
void ThreadPool::publish() {
  if (owner_.publication)
    owner_.publication->pool(started_, std::min(idle_threads_, started_), queued_, slow_queued_);
}

void ThreadPool::work(unsigned number) {
  name_thread(number);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_threads_;
    publish();
    something_to_do_.wait(lock, [&] { return ending_ || something_to_take(); });
    --idle_threads_;
    if (!something_to_take()) return publish();
    Request& request = take();
    publish();
    const bool slow = request.op.slow;
    slow_running_ += slow;
    lock.unlock();
    TS_PROBE(pool_start, &request, request.op.kind);
    const int result = run_blocking(request);
    TS_PROBE(pool_end, &request, result);
    lock.lock();
    slow_running_ -= slow;
    done(request, result);
  }
}

bool ThreadPool::may_take_slow() const {
  return !slow_queue_.empty() && slow_running_ < (size_ + 1) / 2;
}

bool ThreadPool::something_to_take() const { return !queue_.empty() || may_take_slow(); }

Request& ThreadPool::take() {
  const bool slow = may_take_slow() && (queue_.empty() || slow_is_next_);
  slow_is_next_ = !slow;
  Request& request = (slow ? slow_queue_ : queue_).pop_front();
  --(slow ? slow_queued_ : queued_);
  request.op.stage = Operation::Stage::running;
  return request;
}

// With the mutex held.
void ThreadPool::done(Request& request, int result) {
  request.op.result = result;
  request.op.stage = Operation::Stage::ready;
  done_.push_back(request);
  owner_.wake();
}

void ThreadPool::cancel(Request& request) {
  const std::lock_guard lock(mutex_);
  if (request.op.stage != Operation::Stage::waiting) return;
  request.unlink();
  --(request.op.slow ? slow_queued_ : queued_);
  publish();
  done(request, -ECANCELED);
}

void ThreadPool::take_done(List<Request>& ended) {
  const std::lock_guard lock(mutex_);
  ended.append(done_);
}

void ThreadPool::end() {
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty()) done(queue_.pop_front(), -ECANCELED);
    while (!slow_queue_.empty()) done(slow_queue_.pop_front(), -ECANCELED);
    queued_ = slow_queued_ = 0;
    ending_ = true;
  }
  something_to_do_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  started_ = 0;
  publish();
}

void ThreadPool::abandon() noexcept {
  for (std::thread& thread : threads_) thread.detach();
  threads_.clear();
}

}  // namespace timeslice::loop
