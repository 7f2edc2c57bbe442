// SPDX-License-Identifier: MIT
#include "observe/look_up_thread.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/detached_thread.h"

namespace timeslice::observe {

using Clock = std::chrono::steady_clock;

struct LookUpThread::Desk {
  void serve();

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Job> jobs;
  size_t done = 0;  // of the jobs
  bool busy = false;
  Clock::time_point begun;  // the job that it is busy with
  bool closed = false;
};

void LookUpThread::Desk::serve() {
  ProcessLookUp look_up;
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return closed || done < jobs.size(); });
    if (closed) return;
    Job job = std::move(jobs[done]);
    busy = true;
    begun = Clock::now();
    lock.unlock();
    job(look_up);
    job = nullptr;
    lock.lock();
    busy = false;
    if (done < jobs.size()) ++done;  // else nobody waits for it any more
    changed.notify_all();
  }
}

LookUpThread::~LookUpThread() {
  if (!desk_) return;
  const std::lock_guard lock(desk_->mutex);
  desk_->closed = true;
  desk_->changed.notify_all();
}

void LookUpThread::begin_pass() { pass_ends_ = Clock::now() + limits_.patience; }

// False: the machine has no thread to give, as beside a fork bomb that is being looked at.
bool LookUpThread::start() {
  desk_ = std::make_shared<Desk>();
  if (start_detached([desk = desk_] { desk->serve(); }) != 0) desk_.reset();
  return desk_ != nullptr;
}

bool LookUpThread::ready() {
  if (desk_) {
    const std::lock_guard lock(desk_->mutex);
    if (!desk_->busy) return true;
    if (Clock::now() - desk_->begun < limits_.give_up) return false;
    if (left_behind_ == limits_.most_left_behind) return false;
    ++left_behind_;
    desk_->closed = true;  // if it ever comes back
  }
  return start();
}

LookUpThread::Result LookUpThread::run(std::vector<Job> jobs) {
  const auto now = Clock::now();
  const auto deadline = pass_ends_.value_or(now + limits_.patience);
  if (jobs.empty() || deadline <= now || !ready()) return {};
  std::unique_lock lock(desk_->mutex);
  desk_->jobs = std::move(jobs);
  desk_->done = 0;
  desk_->changed.notify_all();
  desk_->changed.wait_until(lock, deadline, [this] { return desk_->done == desk_->jobs.size(); });
  const bool late = desk_->done < desk_->jobs.size() && desk_->busy;
  const Result result{desk_->done, late && Clock::now() - desk_->begun > limits_.patience / 2};
  desk_->jobs.clear();
  desk_->done = 0;
  return result;
}

}  // namespace timeslice::observe
