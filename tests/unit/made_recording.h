// SPDX-License-Identifier: MIT
// What would a recording's model hand out? A small made-up scheduler: cores with queues, threads
// that run, sleep, wake and preempt each other, by a seed. It keeps the sums that a History keeps.
#pragma once
#include <cstdint>
#include <deque>
#include <queue>
#include <random>
#include <vector>

#include "model/history.h"

namespace timeslice::test {

struct MadeSize {
  uint64_t slices = 1000;
  uint32_t cores = 2, threads = 20;
};

class MadeRecording {
 public:
  MadeRecording(MadeSize size, uint64_t seed) : size_(size), random_(seed) {}
  // Runs to the end; `listener` hears every slice. To be called once.
  void play(model::Listener& listener);

  model::HistoryInfo info;
  std::vector<model::HistoryThread> threads;
  std::vector<model::HistoryCore> cores;

 private:
  struct Task {
    double burst_ns = 0, sleep_ns = 0;  // typical ones
    uint64_t left_ns = 0;               // of its burst
    uint64_t ready_ns = 0, waking_ns = 0;
    uint32_t peer = model::kNobody, cpu = 0;
    model::Because because = model::Because::unknown;
    uint8_t context = 0;
  };
  struct Cpu {
    model::Slice now;  // thread: kNobody while idle
    std::deque<uint32_t> queue;
    uint64_t generation = 0;  // of its planned end
  };
  struct Event {
    uint64_t at_ns;
    bool wake;
    uint32_t which;  // thread or core
    uint64_t generation;
    bool operator<(const Event& other) const { return at_ns > other.at_ns; }
  };

  void make_threads();
  uint64_t around(double typical_ns);
  void wake(uint32_t thread, uint64_t at_ns);
  void enqueue(uint32_t thread, uint32_t cpu, uint64_t at_ns);
  void run_next(uint32_t cpu, uint64_t at_ns, uint64_t delay_ns);
  void leave(uint32_t cpu, uint64_t at_ns, bool preempted);
  void emit(model::Slice& slice);
  void finish(uint64_t at_ns);

  MadeSize size_;
  std::mt19937_64 random_;
  std::vector<Task> tasks_;
  std::vector<Cpu> cpus_;
  std::priority_queue<Event> events_;
  model::Listener* listener_ = nullptr;
  uint64_t emitted_ = 0;
};

}  // namespace timeslice::test
