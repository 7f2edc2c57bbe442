// SPDX-License-Identifier: MIT
// Where does a loop keep what it tells of itself (base/published_loop.h)? In a place of the
// process's table, as long as the loop lives. Where none is free, or others shouldn't see it,
// in one that nobody finds. Each figure is one store; readers are other processes, which take the
// words as they are.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/published_loop.h"

namespace timeslice::loop {

class Publication {
 public:
  // Of a loop that this thread will run.
  explicit Publication(bool listed);
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  // From the loop's thread.
  void time(std::uint64_t now_ns) { put(place_->time_ns, now_ns); }
  // Of turns until this wait for events, which comes after the callbacks of that turn's beginning.
  void turns(std::uint64_t count) {
    put(place_->callback, std::uint64_t{0});
    put(place_->turns, count);
  }
  void wait_begins(std::uint64_t now_ns) { put(place_->entry_ns, now_ns); }
  void wait_ended(std::uint64_t idle_ns) {
    put(place_->entry_ns, std::uint64_t{0});
    put(place_->idle_ns, idle_ns);
  }
  // Names live as long as the program.
  void phase(const char* name) { put(place_->phase, reinterpret_cast<std::uint64_t>(name)); }
  void callback_of(const char* name) {
    put(place_->callback, reinterpret_cast<std::uint64_t>(name));
  }
  void stopped() {
    put(place_->phase, std::uint64_t{0});
    put(place_->entry_ns, std::uint64_t{0});
  }
  // From any thread, one at a time.
  void pool(unsigned threads, unsigned idle, unsigned queued, unsigned slow) {
    put(place_->pool_threads, threads);
    put(place_->pool_idle, idle);
    put(place_->pool_queued, queued);
    put(place_->pool_slow, slow);
  }

  [[nodiscard]] const PublishedLoop& place() const { return *place_; }

 private:
  template <typename T>
  static void put(T& word, T value) {
    std::atomic_ref(word).store(value, std::memory_order_relaxed);
  }

  PublishedLoop* place_;
  PublishedLoop hidden_{};
  const std::uint64_t generation_;
};

// That this process is a worker of the cluster whose manager is its parent. Not for its children.
void publish_cluster_worker();

}  // namespace timeslice::loop
