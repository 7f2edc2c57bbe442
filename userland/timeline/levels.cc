// SPDX-License-Identifier: MIT
#include "timeline/levels.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "timeline/columns.h"

namespace timeslice::timeline {

namespace {

constexpr uint32_t nobody = 0xffffffffU;
constexpr uint64_t slices_a_bin = 8;
constexpr size_t most_bins = 16384;

char share(double ns, double bin_ns) {
  const double ratio = bin_ns > 0 ? std::min(1.0, ns / bin_ns) : 0;
  // A core that was busy at all must not look idle.
  const auto part = static_cast<uint8_t>(std::lround(ratio * 255));
  return static_cast<char>(part == 0 && ns > 0 ? 1 : part);
}

Bin merged(std::span<const Bin> four) {
  Bin sum;
  for (const Bin& bin : four) sum.busy_ns += bin.busy_ns;
  for (const Bin& bin : four) {
    double had = 0;
    for (const Bin& other : four) had += other.thread == bin.thread ? other.top_ns : 0;
    if (bin.thread != nobody && had > sum.top_ns) sum.top_ns = had, sum.thread = bin.thread;
  }
  return sum;
}

}  // namespace

BinMaker::BinMaker(uint64_t duration_ns, size_t bins, size_t threads)
    : bin_ns_(static_cast<double>(duration_ns) / static_cast<double>(std::max<size_t>(bins, 1))),
      bins_(bins),
      had_ns_(threads) {}

void BinMaker::add(uint32_t thread, uint64_t begin_ns, uint64_t end_ns) {
  auto begin = static_cast<double>(begin_ns);
  const auto end = static_cast<double>(end_ns);
  while (begin < end) {
    const auto bin = std::min(bins_.size() - 1, static_cast<size_t>(begin / bin_ns_));
    for (; at_ < bin; ++at_) close_bin();
    const bool last = at_ + 1 == bins_.size();
    const double edge = last ? end : std::min(end, static_cast<double>(at_ + 1) * bin_ns_);
    spend(thread, edge - begin);
    if (edge <= begin) break;  // the edge fell onto the beginning by rounding
    begin = edge;
  }
}

void BinMaker::spend(uint32_t thread, double ns) {
  bins_[at_].busy_ns += ns;
  if (thread >= had_ns_.size()) return;
  if (had_ns_[thread] == 0) touched_.push_back(thread);
  had_ns_[thread] += ns;
}

void BinMaker::close_bin() {
  Bin& bin = bins_[at_];
  for (const uint32_t thread : touched_) {
    if (had_ns_[thread] > bin.top_ns) bin.top_ns = had_ns_[thread], bin.thread = thread;
    had_ns_[thread] = 0;
  }
  touched_.clear();
}

std::vector<Bin> BinMaker::take() {
  if (at_ < bins_.size()) close_bin();
  return std::move(bins_);
}

size_t bins_for(uint64_t slices) {
  size_t bins = most_bins;
  while (bins > 0 && bins * slices_a_bin > slices) bins = bins >= 256 ? bins / 4 : 0;
  return bins;
}

std::vector<Bin> coarser(const std::vector<Bin>& level) {
  std::vector<Bin> out;
  for (size_t i = 0; i + 4 <= level.size(); i += 4)
    out.push_back(merged(std::span(level).subspan(i, 4)));
  return out;
}

void append_level(std::string& out, const std::vector<Bin>& level, double bin_ns) {
  for (const Bin& bin : level) out += share(bin.busy_ns, bin_ns);
  for (const Bin& bin : level) out += share(bin.top_ns, bin_ns);
  for (const Bin& bin : level) append_varint(out, bin.thread == nobody ? 0 : 1ULL + bin.thread);
}

}  // namespace timeslice::timeline
