// SPDX-License-Identifier: MIT
#include "view/screen/histogram.h"

#include <fmt/format.h>

#include <algorithm>

#include "view/format/number.h"
#include "view/screen/bars.h"

namespace timeslice::view {

namespace {

// Bucket 0 is all below the first octave, and counts as octave 0; then four buckets make an octave.
size_t octave_of(size_t bucket) { return (bucket + 3) / 4; }

uint64_t octave_floor_ns(size_t octave) {
  return octave == 0 ? 0 : ts_wait_bucket_floor_ns(static_cast<uint32_t>(octave * 4 - 3));
}

}  // namespace

std::vector<HistogramLine> fold_histogram(const WaitHistogram& buckets, size_t most_lines) {
  size_t first = buckets.size(), last = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    if (buckets[i] == 0) continue;
    first = std::min(first, octave_of(i));
    last = octave_of(i);
  }
  if (first == buckets.size() || most_lines == 0) return {};
  const size_t octaves = last - first + 1;
  const size_t step = (octaves + most_lines - 1) / most_lines;
  std::vector<HistogramLine> lines((octaves + step - 1) / step);
  for (size_t i = 0; i < lines.size(); ++i) lines[i].floor_ns = octave_floor_ns(first + i * step);
  for (size_t i = 0; i < buckets.size(); ++i)
    if (buckets[i] != 0) lines[(octave_of(i) - first) / step].count += buckets[i];
  return lines;
}

int draw_histogram(Canvas& canvas, int y, int x, int width, int height,
                   const WaitHistogram& buckets) {
  constexpr int label_width = 7, count_width = 7;
  const auto lines = fold_histogram(buckets, static_cast<size_t>(std::max(height, 0)));
  uint64_t most = 1;
  for (const HistogramLine& line : lines) most = std::max(most, line.count);
  const int bar = width - label_width - count_width - 2;
  Scratch scratch;
  for (const HistogramLine& line : lines) {
    canvas.put(y, x,
               fmt::format("{:>{}} ", duration(static_cast<double>(line.floor_ns)), label_width),
               Style::faint);
    const double ratio = static_cast<double>(line.count) / static_cast<double>(most);
    draw_bar(canvas, y, x + label_width + 1, bar, ratio, Style::accent);
    canvas.put(y, x + label_width + 1 + bar,
               fmt::format("{:>{}}", compact(static_cast<double>(line.count), Kind::total, scratch),
                           count_width),
               line.count == 0 ? Style::faint : Style::normal);
    ++y;
  }
  return static_cast<int>(lines.size());
}

}  // namespace timeslice::view
