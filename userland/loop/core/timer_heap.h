// SPDX-License-Identifier: MIT
// Which deadline is the nearest? All timers of a loop, and the deadlines of its requests, sit in
// one 4-ary min-heap: half as deep as a binary one, and with the times beside the pointers, so that
// finding the least of four children reads two cache lines and not four timers. Each entry knows
// its place, so that taking one out costs O(log n) and no search.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace timeslice::loop {

using Nanoseconds = std::chrono::nanoseconds;

class TimerNode {
 public:
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

 protected:
  enum class Owner : std::uint8_t { timer, request };
  explicit TimerNode(Owner owner) : owner_(owner) {}
  ~TimerNode() = default;
  [[nodiscard]] bool in_heap() const { return place_ != kNowhere; }

 private:
  friend class TimerHeap;
  friend class Loop;
  static constexpr std::uint32_t kNowhere = ~0U;
  std::uint32_t place_ = kNowhere;
  const Owner owner_;
};

class TimerHeap {
 public:
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] TimerNode& first() const { return *entries_.front().node; }
  [[nodiscard]] Nanoseconds first_deadline() const { return entries_.front().deadline; }
  // Equal deadlines come out in the order in which they went in.
  void insert(TimerNode& node, Nanoseconds deadline);
  void remove(TimerNode& node);

 private:
  struct Entry {
    Nanoseconds deadline;
    std::uint64_t order;
    TimerNode* node;
  };
  static bool before(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
  }
  void put(std::size_t place, const Entry& entry);
  void sift_up(std::size_t place, const Entry& entry);
  void sift_down(std::size_t place, const Entry& entry);

  std::vector<Entry> entries_;
  std::uint64_t inserted_ = 0;
};

}  // namespace timeslice::loop
