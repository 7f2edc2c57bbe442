// SPDX-License-Identifier: MIT
// How are the waits of one thread spread? The kernel counts them in quarters of an octave; people
// read octaves, and as many lines as there is room for.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "bpf/wire.h"
#include "view/screen/canvas.h"

namespace timeslice::view {

using WaitHistogram = std::array<uint32_t, TS_WAIT_BUCKETS>;

struct HistogramLine {
  uint64_t floor_ns = 0;  // the shortest wait that it counts
  uint64_t count = 0;
};

// From the shortest wait seen to the longest, an octave a line, or more where `most_lines` asks for
// it. Empty without a wait.
std::vector<HistogramLine> fold_histogram(const WaitHistogram& buckets, size_t most_lines);

// Draws at most `height` lines; returns how many.
int draw_histogram(Canvas& canvas, int y, int x, int width, int height,
                   const WaitHistogram& buckets);

}  // namespace timeslice::view
