// SPDX-License-Identifier: MIT
// Which functions block a loop, and how much each? Its blocks, told together where the same
// function was at the same line.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "model/loop_turns.h"

namespace timeslice::model {

struct BlockGroup {
  bool goes_on = false;  // then it is that one block only
  uint64_t count = 0, longest_ns = 0;
  TimeSplit split;  // of all of them
  BlockProfile profile;

  void add(const LoopBlock& block);
};

// The longest in all first, and those that go on before them.
[[nodiscard]] std::vector<BlockGroup> by_function(const std::vector<LoopBlock>& blocks);

}  // namespace timeslice::model
