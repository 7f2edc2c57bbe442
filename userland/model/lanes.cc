// SPDX-License-Identifier: MIT
#include "model/lanes.h"

namespace timeslice::model {

// Mostly the last one: a thread's slices come in the order of time, its waits a little earlier.
Lanes::Part& Lanes::part(uint32_t thread, uint32_t cell) {
  if (threads_.size() <= thread) threads_.resize(thread + 1);
  std::vector<Part>& parts = threads_[thread];
  size_t at = parts.size();
  while (at > 0 && parts[at - 1].cell > cell) --at;
  if (at > 0 && parts[at - 1].cell == cell) return parts[at - 1];
  return *parts.insert(parts.begin() + static_cast<ptrdiff_t>(at), {cell, 0, 0});
}

void Lanes::add_ready(const Slice& slice) {
  cells_.spread(slice.begin_ns - slice.wait_ns, slice.begin_ns,
                [&](uint32_t cell, uint64_t ns) { part(slice.thread, cell).ready_ns += ns; });
}

void Lanes::slice(const Slice& slice) {
  add_ready(slice);
  if (cores_.size() <= slice.cpu) cores_.resize(slice.cpu + 1U), last_.resize(slice.cpu + 1U);
  std::vector<std::vector<Share>>& core = cores_[slice.cpu];
  core.resize(cells_.count());
  cells_.spread(slice.begin_ns, slice.end_ns, [&](uint32_t cell, uint64_t ns) {
    part(slice.thread, cell).oncpu_ns += ns;
    Share& share = share_in(core[cell], last_[slice.cpu], cell, slice.thread);
    share.ns += ns;
    share.leaving = slice.leaving;
    share.voluntary = slice.voluntary;
    share.cut = slice.end_cut;
  });
}

// A core's slices come in the order of time, so one cell after the other is filled. A recording
// that is long, or drawn narrow, has very many threads in one.
Lanes::Share& Lanes::share_in(std::vector<Share>& shares, LastCell& last, uint32_t cell,
                              uint32_t thread) {
  if (last.cell != cell) {
    last.cell = cell;
    last.places.clear();
    for (size_t place = 0; place < shares.size(); ++place)
      last.places[shares[place].thread] = static_cast<uint32_t>(place);
  }
  const auto [at, added] = last.places.try_emplace(thread, static_cast<uint32_t>(shares.size()));
  if (added) shares.push_back(Share{thread});
  return shares[at->second];
}

void Lanes::waiting(const Slice& slice) { add_ready(slice); }

}  // namespace timeslice::model
