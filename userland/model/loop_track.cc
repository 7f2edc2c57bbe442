// SPDX-License-Identifier: MIT
#include "model/loop_track.h"

#include <algorithm>

#include "model/ends_in.h"

namespace timeslice::model {

namespace {

void add(LoopFigures& sum, const LoopFigures& one) {
  sum.end_ns = std::max(sum.end_ns, one.end_ns);
  sum.interval_ns += one.interval_ns;
  sum.looks += one.looks;
  sum.longest_gap_ns = std::max(sum.longest_gap_ns, one.longest_gap_ns);
  if (sum.turns && one.turns)
    *sum.turns += *one.turns;
  else
    sum.turns.reset();
  sum.active.oncpu += one.active.oncpu;
  sum.active.wait += one.active.wait;
  sum.active.asleep += one.active.asleep;
  sum.idle_asleep_ns += one.idle_asleep_ns;
  sum.idle_ready_ns += one.idle_ready_ns;
  sum.longest_turn_ns = std::max(sum.longest_turn_ns, one.longest_turn_ns);
}

WatchedLoop sum_of(const LoopTrack& track, uint64_t from_ns, uint64_t to_ns) {
  WatchedLoop loop{track.tgid, track.tid, track.command, track.is_main, {}, {}};
  loop.figures.turns = 0;
  std::vector<uint64_t> delays_ns;
  for (const LoopStretch& stretch : track.stretches) {
    if (!ends_in(stretch.end_ns, from_ns, to_ns)) continue;
    add(loop.figures, stretch.figures);
    loop.activity.vm_looks += stretch.vm_looks;
    loop.activity.vm.add(stretch.vm);
    delays_ns.insert(delays_ns.end(), stretch.figures.delays_ns.begin(),
                     stretch.figures.delays_ns.end());
  }
  if (loop.figures.interval_ns == 0) loop.figures.turns.reset();
  loop.figures.set_delays(std::move(delays_ns));
  for (const LoopBlock& block : track.blocks)
    if (block.start_ns < to_ns && block.start_ns + block.duration_ns > from_ns)
      loop.figures.blocks.push_back(block);
  std::stable_sort(loop.figures.blocks.begin(), loop.figures.blocks.end(),
                   [](const LoopBlock& one, const LoopBlock& other) {
                     return one.duration_ns > other.duration_ns;
                   });
  return loop;
}

// Averages are by looks, states as of the last.
WatchedPool sum_of(const PoolTrack& track, uint64_t from_ns, uint64_t to_ns) {
  WatchedPool pool{track.tgid, {}};
  PoolFigures& sum = pool.figures;
  double busy = 0;
  for (const PoolStretch& stretch : track.stretches) {
    if (!ends_in(stretch.end_ns, from_ns, to_ns)) continue;
    const PoolFigures& one = stretch.figures;
    busy += one.busy * one.looks;
    sum.looks += one.looks;
    sum.saturated_looks += one.saturated_looks;
    sum.full_looks += one.full_looks;
    sum.threads = one.threads;
    sum.queued = one.queued;
    sum.slow = one.slow;
    sum.most_queued = std::max(sum.most_queued, one.most_queued);
    sum.waits.ended += one.waits.ended;
    sum.waits.ended_ns += one.waits.ended_ns;
    sum.waits.longest_ns = std::max(sum.waits.longest_ns, one.waits.longest_ns);
  }
  if (sum.looks) sum.busy = busy / sum.looks;
  return pool;
}

}  // namespace

std::string LoopTrack::name() const {
  std::vector<std::string> words(1);
  for (const char c : command) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  return command.empty() ? "" : short_name(words);
}

namespace {

// As it was at the end of the window; it may have begun to listen later.
ProcessDescription described(const LoopTracks& tracks, const LoopTrack& track, uint64_t to_ns) {
  ProcessDescription process;
  process.tgid = track.tgid;
  process.name = track.name();
  const auto known = tracks.processes.find(track.tgid);
  if (known == tracks.processes.end()) return process;
  process.cluster = known->second.cluster;
  process.ports = known->second.ports;
  process.uptime_ns = to_ns - known->second.up_since_ns;
  return process;
}

}  // namespace

LoopFrame summed_up(const LoopTracks& tracks, uint64_t from_ns, uint64_t to_ns) {
  LoopFrame frame;
  frame.time_ns = to_ns;
  for (const LoopTrack& track : tracks.loops) {
    WatchedLoop loop = sum_of(track, from_ns, to_ns);
    for (const LoopBlock& block : loop.figures.blocks)
      frame.dropped_samples += block.profile.dropped();
    if (loop.figures.interval_ns == 0 && loop.figures.blocks.empty()) continue;
    frame.loops.push_back(std::move(loop));
    if (!frame.processes.empty() && frame.processes.back().tgid == track.tgid) continue;
    frame.processes.push_back(described(tracks, track, to_ns));
  }
  for (const PoolTrack& track : tracks.pools) {
    WatchedPool pool = sum_of(track, from_ns, to_ns);
    if (pool.figures.looks != 0) frame.pools.push_back(std::move(pool));
  }
  frame.refused = tracks.refused;
  frame.unnamed = tracks.unnamed;
  return frame;
}

}  // namespace timeslice::model
