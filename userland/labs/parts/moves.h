// SPDX-License-Identifier: MIT
// How often did a thread go on on another CPU? As its slices show, within a part of the recording.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "labs/parts/rounds.h"
#include "model/history.h"

namespace timeslice::labs {

inline uint64_t moves_of(const std::vector<model::Slice>& slices, const Round& round,
                         const std::function<bool(uint32_t)>& of) {
  std::map<uint32_t, uint16_t> cpus;  // by thread, where it was last
  uint64_t moves = 0;
  for (const model::Slice& slice : slices) {
    if (slice.end_ns <= round.begin_ns || slice.begin_ns >= round.end_ns) continue;
    if (slice.thread == model::kNobody || !of(slice.thread)) continue;
    const auto [last, is_new] = cpus.try_emplace(slice.thread, slice.cpu);
    moves += !is_new && last->second != slice.cpu;
    last->second = slice.cpu;
  }
  return moves;
}

}  // namespace timeslice::labs
