// SPDX-License-Identifier: MIT
#include "record/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include "view/format/number.h"

namespace timeslice::record {

namespace {

constexpr uint64_t kEvery_ns = 500'000'000;

}  // namespace

Progress::Progress(bool quiet) : shown_here_(!quiet && isatty(STDERR_FILENO)) {}

bool Progress::due(uint64_t now_ns) const { return shown_here_ && now_ns - shown_ns_ >= kEvery_ns; }

void Progress::show(const Figures& figures) {
  shown_ns_ = figures.now_ns;
  const double seconds = static_cast<double>(figures.now_ns - figures.begin_ns) / 1e9;
  fmt::print(stderr, "\r{:.1f} s  {}  {:.0f}/s  {:.1f} MB  {} lost\033[K", seconds,
             view::counted(figures.events, "event", "events"),
             static_cast<double>(figures.events) / seconds,
             static_cast<double>(figures.bytes) / 1e6, view::grouped(figures.lost));
}

void Progress::clear() const {
  if (shown_ns_ != 0) fmt::print(stderr, "\r\033[K");
}

}  // namespace timeslice::record
