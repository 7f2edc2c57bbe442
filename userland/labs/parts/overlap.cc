// SPDX-License-Identifier: MIT
#include "labs/parts/overlap.h"

#include <algorithm>
#include <map>

namespace timeslice::labs {

namespace {

// By moment: how many more, or less, there are from then on.
using Changes = std::map<uint64_t, int>;

// Calls `stretch` with how many there are, and for how long, from one change to the next one.
template <typename Stretch>
void walk(const Changes& changes, uint64_t from_ns, uint64_t to_ns, Stretch stretch) {
  size_t now = 0;
  uint64_t since_ns = from_ns;
  for (const auto& [at_ns, change] : changes) {
    if (at_ns > since_ns) stretch(now, since_ns, at_ns);
    since_ns = std::max(since_ns, at_ns);
    now = static_cast<size_t>(static_cast<int64_t>(now) + change);
  }
  if (to_ns > since_ns) stretch(now, since_ns, to_ns);
}

}  // namespace

Overlap overlap_of(const std::vector<model::Slice>& slices, uint64_t from_ns, uint64_t to_ns,
                   const std::function<bool(uint32_t)>& of) {
  Changes running;
  for (const model::Slice& slice : slices) {
    const uint64_t begin = std::max(slice.begin_ns, from_ns), end = std::min(slice.end_ns, to_ns);
    if (begin >= end || slice.thread == model::kNobody || !of(slice.thread)) continue;
    ++running[begin];
    --running[end];
  }
  Overlap overlap;
  walk(running, from_ns, to_ns, [&](size_t threads, uint64_t begin, uint64_t end) {
    if (overlap.ns.size() <= threads) overlap.ns.resize(threads + 1);
    overlap.ns[threads] += end - begin;
  });
  return overlap;
}

uint64_t kept_from_ns(const std::vector<model::Slice>& slices, uint64_t from_ns, uint64_t to_ns,
                      const std::function<bool(uint32_t)>& of, size_t cpus) {
  std::map<uint32_t, uint64_t> ends;  // by thread
  uint64_t had = 0;
  for (const model::Slice& slice : slices) {
    const uint64_t begin = std::max(slice.begin_ns, from_ns), end = std::min(slice.end_ns, to_ns);
    if (begin >= end || slice.thread == model::kNobody || !of(slice.thread)) continue;
    had += end - begin;
    ends[slice.thread] = std::max(ends[slice.thread], end);
  }
  Changes alive;
  for (const auto& [thread, end] : ends) {
    ++alive[from_ns];
    --alive[end];
  }
  uint64_t could = 0;
  walk(alive, from_ns, to_ns, [&](size_t threads, uint64_t begin, uint64_t end) {
    could += std::min(threads, cpus) * (end - begin);
  });
  return could - std::min(had, could);
}

}  // namespace timeslice::labs
