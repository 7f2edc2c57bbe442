// SPDX-License-Identifier: MIT
#include "model/block_groups.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace timeslice::model {

namespace {

using Place = std::tuple<std::string, std::string, bool, int>;

std::optional<Place> place_of(const LoopBlock& block) {
  const auto found = block.profile.function();
  if (!found) return std::nullopt;
  const StackFrame& frame = found->frame;
  return Place{frame.function, frame.file, frame.evaluated, frame.line};
}

}  // namespace

void BlockGroup::add(const LoopBlock& block) {
  ++count;
  longest_ns = std::max(longest_ns, block.duration_ns);
  split.oncpu += block.split.oncpu;
  split.wait += block.split.wait;
  split.asleep += block.split.asleep;
  profile.add(block.profile);
}

std::vector<BlockGroup> by_function(const std::vector<LoopBlock>& blocks) {
  std::vector<std::pair<std::optional<Place>, BlockGroup>> groups;
  for (const LoopBlock& block : blocks) {
    const auto place = place_of(block);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& known) {
      return block.ended && !known.second.goes_on && known.first == place;
    });
    if (group == groups.end()) {
      groups.emplace_back(place, BlockGroup());
      group = groups.end() - 1;
      group->second.goes_on = !block.ended;
    }
    group->second.add(block);
  }
  std::vector<BlockGroup> sorted;
  sorted.reserve(groups.size());
  for (auto& [place, group] : groups) sorted.push_back(std::move(group));
  std::stable_sort(sorted.begin(), sorted.end(), [](const BlockGroup& one, const BlockGroup& two) {
    return std::make_pair(one.goes_on, one.split.sum()) >
           std::make_pair(two.goes_on, two.split.sum());
  });
  return sorted;
}

}  // namespace timeslice::model
