// SPDX-License-Identifier: MIT
#include "model/loop_lanes.h"

#include <algorithm>

namespace timeslice::model {

LoopLanes::LoopLanes(const History& history, const std::vector<LoopTrack>& loops, size_t most,
                     const Cells& cells)
    : history_(history), loops_(loops), cells_(cells) {
  for (const LoopTrack& loop : loops) {
    if (parts_.size() == most) break;
    std::vector<Part>& parts = parts_.emplace_back(cells.count());
    std::vector<Stretch>& blocks = blocks_.emplace_back();
    for (const LoopBlock& block : loop.blocks) {
      const uint64_t end_ns = block.start_ns + block.duration_ns;
      if (!blocks.empty() && block.start_ns <= blocks.back().second)
        blocks.back().second = std::max(blocks.back().second, end_ns);
      else
        blocks.emplace_back(block.start_ns, end_ns);
    }
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

// Calls within() and outside() with the parts of [begin, end) that lie in blocks, and the others.
template <typename Within, typename Outside>
void LoopLanes::split(uint32_t loop, uint64_t begin_ns, uint64_t end_ns, Within within,
                      Outside outside) const {
  const std::vector<Stretch>& blocks = blocks_[loop];
  auto block =
      std::upper_bound(blocks.begin(), blocks.end(), begin_ns,
                       [](uint64_t at_ns, const Stretch& one) { return at_ns < one.second; });
  for (; block != blocks.end() && block->first < end_ns; ++block) {
    if (begin_ns < block->first) outside(begin_ns, block->first);
    begin_ns = std::max(begin_ns, block->first);
    within(begin_ns, std::min(end_ns, block->second));
    begin_ns = std::min(end_ns, block->second);
  }
  if (begin_ns < end_ns) outside(begin_ns, end_ns);
}

void LoopLanes::add_ready(uint32_t loop, const Slice& slice) {
  std::vector<Part>& parts = parts_[loop];
  const auto starved = [&](uint32_t cell, uint64_t ns) { parts[cell].starved_ns += ns; };
  split(
      loop, slice.begin_ns - slice.wait_ns, slice.begin_ns,
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
  split(
      loop, slice.begin_ns, slice.end_ns, [](uint64_t, uint64_t) {},
      [&](uint64_t from, uint64_t to) {
        cells_.spread(from, to,
                      [&](uint32_t cell, uint64_t ns) { parts_[loop][cell].busy_ns += ns; });
      });
}

void LoopLanes::waiting(const Slice& slice) {
  const uint32_t loop = loop_of(slice.thread);
  if (loop != kNone) add_ready(loop, slice);
}

}  // namespace timeslice::model
