// SPDX-License-Identifier: MIT
// What is drawn of a core when a pixel holds a thousand slices? Bins: how much of each the core was
// busy, which thread had most of it, and how much that was. They come in levels, each four times as
// coarse as the one before, so that a frame's work follows the pixels and not the recording.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace timeslice::timeline {

struct Bin {
  double busy_ns = 0, top_ns = 0;
  uint32_t thread = 0xffffffffU;  // who had the core for top_ns; all bits set: nobody
};

// Takes one core's slices in order of time, and makes its finest level.
class BinMaker {
 public:
  BinMaker(uint64_t duration_ns, size_t bins, size_t threads);
  // Moments from the window's begin; `thread` may be any number.
  void add(uint32_t thread, uint64_t begin_ns, uint64_t end_ns);
  std::vector<Bin> take();

 private:
  void close_bin();
  void spend(uint32_t thread, double ns);

  double bin_ns_;
  size_t at_ = 0;
  std::vector<Bin> bins_;
  std::vector<double> had_ns_;     // by thread, within the bin at hand
  std::vector<uint32_t> touched_;  // whose had_ns_ isn't zero
};

// How many bins is a core's finest level to have? A power of four, or 0 for none: with few slices
// they can be drawn one by one.
size_t bins_for(uint64_t slices);

// A level four times as coarse. The thread is that of the strongest bin, with the sum of its
// shares.
std::vector<Bin> coarser(const std::vector<Bin>& level);

// As columns: busy shares, top shares (a byte each, of 255), then threads plus one as varints.
void append_level(std::string& out, const std::vector<Bin>& level, double bin_ns);

}  // namespace timeslice::timeline
