// SPDX-License-Identifier: MIT
// Who sorts for /sort? A few workers: threads with loops of their own, which get a number by
// message and answer with a checksum. What they can't take at once waits here in one queue. They
// are started when first needed; one that dies takes its job with it, and the next job starts
// another.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "demo/jobs.h"
#include "loop/core/loop.h"
#include "loop/threads/worker.h"

namespace timeslice::demo {

class Sorter {
 public:
  struct Result {
    Sorted sorted;
    pid_t thread_id = 0;
  };
  // Null: the worker died.
  using Done = std::function<void(const Result*)>;
  using Id = std::uint64_t;
  static constexpr Id kFull = 0;

  struct Counts {
    std::size_t workers = 0, running = 0, queued = 0;  // now
    std::uint64_t done = 0, failed = 0;
  };

  // `before` is called on the worker's thread first, for tests.
  Sorter(loop::Loop& loop, const loop::Options& options, unsigned workers, std::size_t most_waiting,
         std::function<void(std::size_t)> before);
  ~Sorter();

  // Calls `done` later, once; or returns kFull and doesn't.
  Id sort(std::size_t count, Done done);
  // Takes it out of the queue; then `done` isn't called any more. False if it's being done already.
  bool withdraw(Id job);
  // The job's `done` isn't called any more. It is taken out of the queue if it's still there.
  void forget(Id job);

  [[nodiscard]] Counts counts() const;

 private:
  struct Job {
    Id id = 0;
    std::size_t count = 0;
    Done done;
  };
  struct Bench {
    std::unique_ptr<loop::Worker> worker;
    Job job;  // with an id while it's being done
  };

  void hand_out();
  void give(Bench& bench, Job job);
  void start_worker(Bench& bench);
  void finish(Bench& bench, const Result* result);

  loop::Loop& loop_;
  const loop::Options options_;
  const std::size_t most_waiting_;
  const std::function<void(std::size_t)> before_;
  std::vector<std::unique_ptr<Bench>> benches_;
  std::deque<Job> queue_;
  Id last_id_ = kFull;
  std::uint64_t done_ = 0, failed_ = 0;
};

}  // namespace timeslice::demo
