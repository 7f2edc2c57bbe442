// SPDX-License-Identifier: MIT
#include "model/loop_lanes.h"

#include <algorithm>

namespace timeslice::model {

namespace {

// Stretches come in the order in which they begin.
void join(std::vector<std::pair<uint64_t, uint64_t>>& to, uint64_t begin_ns, uint64_t end_ns) {
  if (!to.empty() && begin_ns <= to.back().second)
    to.back().second = std::max(to.back().second, end_ns);
  else
    to.emplace_back(begin_ns, end_ns);
}

}  // namespace

LoopLanes::LoopLanes(const History& history, const std::vector<LoopTrack>& loops, size_t most,
                     const Cells& cells)
    : history_(history), loops_(loops), cells_(cells) {
  for (const LoopTrack& loop : loops) {
    if (parts_.size() == most) break;
    std::vector<Part>& parts = parts_.emplace_back(cells.count());
    std::vector<Stretch>& blocks = blocks_.emplace_back();
    for (const LoopBlock& block : loop.blocks)
      join(blocks, block.start_ns, block.start_ns + block.duration_ns);
    std::vector<Stretch>& looked_at = looked_at_.emplace_back();
    for (const LoopStretch& stretch : loop.stretches)
      join(looked_at, stretch.begin_ns, stretch.end_ns);
    for (const auto& [begin_ns, end_ns] : blocks)
      cells_.spread(begin_ns, end_ns,
                    [&](uint32_t cell, uint64_t ns) { parts[cell].blocked_ns += ns; });
  }
}

uint32_t LoopLanes::loop_of(uint32_t thread) {
  if (loop_of_.size() <= thread) loop_of_.resize(thread + 1, kUnknown);
  uint32_t& loop = loop_of_[thread];
  if (loop != kUnknown) return loop;
  const HistoryThread& found = history_.threads()[thread];
  loop = kNone;
  for (size_t i = 0; i < parts_.size(); ++i)
    if (loops_[i].tid == found.tid && loops_[i].tgid == found.tgid) loop = static_cast<uint32_t>(i);
  return loop;
}

// Calls within() and outside() with the parts of [begin, end) that lie in one of `by`, and the
// others.
template <typename Within, typename Outside>
void LoopLanes::split(const std::vector<Stretch>& by, uint64_t begin_ns, uint64_t end_ns,
                      Within within, Outside outside) {
  auto one = std::upper_bound(by.begin(), by.end(), begin_ns,
                              [](uint64_t at_ns, const Stretch& of) { return at_ns < of.second; });
  for (; one != by.end() && one->first < end_ns; ++one) {
    if (begin_ns < one->first) outside(begin_ns, one->first);
    begin_ns = std::max(begin_ns, one->first);
    within(begin_ns, std::min(end_ns, one->second));
    begin_ns = std::min(end_ns, one->second);
  }
  if (begin_ns < end_ns) outside(begin_ns, end_ns);
}

void LoopLanes::add_ready(uint32_t loop, const Slice& slice) {
  std::vector<Part>& parts = parts_[loop];
  const auto starved = [&](uint32_t cell, uint64_t ns) { parts[cell].starved_ns += ns; };
  split(
      blocks_[loop], slice.begin_ns - slice.wait_ns, slice.begin_ns,
      [&](uint64_t from, uint64_t to) {
        cells_.spread(from, to, starved);
        cells_.spread(from, to, [&](uint32_t cell, uint64_t ns) { parts[cell].blocked_ns -= ns; });
      },
      [&](uint64_t from, uint64_t to) { cells_.spread(from, to, starved); });
}

void LoopLanes::slice(const Slice& slice) {
  const uint32_t loop = loop_of(slice.thread);
  if (loop == kNone) return;
  add_ready(loop, slice);
  std::vector<Part>& parts = parts_[loop];
  const auto add = [&](uint64_t Part::*to) {
    return [&, to](uint64_t from_ns, uint64_t to_ns) {
      cells_.spread(from_ns, to_ns, [&](uint32_t cell, uint64_t ns) { parts[cell].*to += ns; });
    };
  };
  split(
      blocks_[loop], slice.begin_ns, slice.end_ns, [](uint64_t, uint64_t) {},
      [&](uint64_t from_ns, uint64_t to_ns) {
        split(looked_at_[loop], from_ns, to_ns, add(&Part::busy_ns), add(&Part::unknown_ns));
      });
}

void LoopLanes::waiting(const Slice& slice) {
  const uint32_t loop = loop_of(slice.thread);
  if (loop != kNone) add_ready(loop, slice);
}

}  // namespace timeslice::model
