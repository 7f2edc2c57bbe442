// SPDX-License-Identifier: MIT
// Where does work go that would block the loop? To a few threads with one queue, as in libuv. They
// are started at the first use, all at once, and named pool-worker-N, so that any tool that lists
// threads tells them apart. Slow jobs (name look-ups) may hold half of the threads at most.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "loop/core/backend.h"

namespace timeslice::loop {

class ThreadPool {
 public:
  // Wakes `owner`'s wait when there is something to take.
  ThreadPool(unsigned size, Backend& owner) : size_(size), owner_(owner) {}
  ~ThreadPool() { end(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(Request& request);
  // Takes it from the queue with -ECANCELED. What runs already goes on to its end.
  void cancel(Request& request);
  // Moves what has ended to `ended`.
  void take_done(List<Request>& ended);
  // Cancels the queue, waits for what runs, stops the threads.
  void end();
  // In a forked child, where the threads aren't.
  void abandon() noexcept;

 private:
  void start_threads();
  void work(unsigned number);
  [[nodiscard]] bool may_take_slow() const;
  [[nodiscard]] bool something_to_take() const;
  Request& take();
  void done(Request& request, int result);
  void publish();

  const unsigned size_;
  Backend& owner_;
  std::mutex mutex_;  // for all below: the queues' two ends are in different threads
  std::condition_variable something_to_do_;
  List<Request> queue_, slow_queue_;
  List<Request> done_;
  bool slow_is_next_ = false;  // when both wait, they take turns
  unsigned slow_running_ = 0;
  unsigned idle_threads_ = 0;
  unsigned started_ = 0;
  unsigned queued_ = 0, slow_queued_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace timeslice::loop
