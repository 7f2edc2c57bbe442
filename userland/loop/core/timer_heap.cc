// SPDX-License-Identifier: MIT
#include "loop/core/timer_heap.h"

#include <algorithm>
#include <cassert>

namespace timeslice::loop {

namespace {
constexpr std::size_t kChildren = 4;
std::size_t parent_of(std::size_t place) { return (place - 1) / kChildren; }
std::size_t first_child_of(std::size_t place) { return place * kChildren + 1; }
}  // namespace

void TimerHeap::insert(TimerNode& node, Nanoseconds deadline) {
  assert(!node.in_heap() && entries_.size() < TimerNode::kNowhere);
  const Entry entry{deadline, inserted_++, &node};
  entries_.push_back(entry);
  sift_up(entries_.size() - 1, entry);
}

// The last entry takes the free place, and from there it may have to go either way.
void TimerHeap::remove(TimerNode& node) {
  const std::size_t place = node.place_;
  assert(place < entries_.size() && entries_[place].node == &node);
  node.place_ = TimerNode::kNowhere;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (last.node == &node) return;
  if (place > 0 && before(last, entries_[parent_of(place)]))
    sift_up(place, last);
  else
    sift_down(place, last);
}

void TimerHeap::put(std::size_t place, const Entry& entry) {
  entries_[place] = entry;
  entry.node->place_ = static_cast<std::uint32_t>(place);
}

void TimerHeap::sift_up(std::size_t place, const Entry& entry) {
  while (place > 0 && before(entry, entries_[parent_of(place)])) {
    put(place, entries_[parent_of(place)]);
    place = parent_of(place);
  }
  put(place, entry);
}

void TimerHeap::sift_down(std::size_t place, const Entry& entry) {
  for (;;) {
    const std::size_t first = first_child_of(place);
    if (first >= entries_.size()) break;
    const std::size_t end = std::min(first + kChildren, entries_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child)
      if (before(entries_[child], entries_[least])) least = child;
    if (!before(entries_[least], entry)) break;
    put(place, entries_[least]);
    place = least;
  }
  put(place, entry);
}

}  // namespace timeslice::loop
