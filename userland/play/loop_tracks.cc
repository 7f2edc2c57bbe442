// SPDX-License-Identifier: MIT
#include "play/loop_tracks.h"

#include <algorithm>
#include <climits>
#include <map>
#include <tuple>
#include <utility>

namespace timeslice::play {

namespace {

using Thread = std::pair<uint32_t, uint32_t>;  // tgid and tid

// What is left of `whole` for a part that says that it is so long; takes it from there.
uint64_t taken(uint64_t& whole, uint64_t part) {
  part = std::min(whole, part);
  whole -= part;
  return part;
}

int place_of(uint32_t line) { return static_cast<int>(std::min<uint32_t>(line, INT_MAX)); }

model::StackFrame frame_of(const trace::FrameNote& note) {
  return {note.function,         note.file,  place_of(note.line),
          place_of(note.column), note.exact, note.evaluated};
}

// Of so many looks or samples.
template <typename Note>
model::VmLooks vm_of(const Note& note, uint64_t of) {
  const auto part = [&](uint32_t wanted) { return static_cast<uint32_t>(taken(of, wanted)); };
  model::VmLooks vm;
  vm.garbage_collector = part(note.garbage_collector);
  vm.javascript = part(note.javascript);
  vm.compiler = part(note.compiler);
  vm.native = part(note.native);
  return vm;
}

model::BlockProfile profile_of(const trace::LoopBlockNote& note) {
  model::KeptProfile kept;
  kept.samples = note.samples;
  kept.dropped = note.dropped;
  kept.named = std::min(note.named, note.samples);
  kept.vm = vm_of(note, note.samples);
  kept.phase = note.phase;
  uint64_t left = kept.named;
  for (const trace::LoopFunctionNote& function : note.functions) {
    model::BlockFunction of;
    of.frame = frame_of(function.frame);
    of.samples = static_cast<uint32_t>(taken(left, function.samples));
    for (const trace::FrameNote& frame : function.stack) of.stack.push_back(frame_of(frame));
    if (of.samples > 0) kept.functions.push_back(std::move(of));
  }
  return model::BlockProfile(kept);
}

model::LoopBlock block_of(const trace::LoopBlockNote& note) {
  model::LoopBlock block;
  block.start_ns = note.start_ns;
  uint64_t left = block.duration_ns = std::min(note.duration_ns, UINT64_MAX - note.start_ns);
  block.split.oncpu = taken(left, note.oncpu_ns);
  block.split.wait = taken(left, note.wait_ns);
  block.split.asleep = left;
  block.ended = note.ended;
  block.profile = profile_of(note);
  return block;
}

model::LoopStretch stretch_of(const trace::LoopStretchNote& note) {
  model::LoopStretch stretch{
      note.begin_ns, note.end_ns, {}, note.vm_looks, vm_of(note, note.vm_looks)};
  model::LoopFigures& figures = stretch.figures;
  uint64_t left = figures.interval_ns = note.end_ns - note.begin_ns;
  figures.end_ns = note.end_ns;
  figures.looks = note.looks;
  figures.longest_gap_ns = note.longest_gap_ns;
  if (note.counts_turns) figures.turns = note.turns;
  figures.active.oncpu = taken(left, note.oncpu_ns);
  figures.active.wait = taken(left, note.wait_ns);
  figures.active.asleep = taken(left, note.asleep_ns);
  figures.idle_ready_ns = taken(left, note.idle_ready_ns);
  figures.idle_asleep_ns = taken(left, note.idle_asleep_ns);
  figures.longest_turn_ns = note.longest_turn_ns;
  figures.set_delays(note.delays_ns);
  return stretch;
}

model::PoolStretch stretch_of(const trace::PoolStretchNote& note) {
  model::PoolStretch stretch{note.begin_ns, note.end_ns, {}};
  model::PoolFigures& figures = stretch.figures;
  figures.looks = note.looks;
  figures.saturated_looks = std::min(note.saturated_looks, note.looks);
  figures.full_looks = std::min(note.full_looks, figures.saturated_looks);
  figures.threads = note.threads;
  if (note.busy > 0) figures.busy = std::min(note.busy, 1.0 * note.threads);  // else not a number
  if (note.counts_queue) figures.queued = note.queued, figures.slow = note.slow;
  figures.most_queued = note.most_queued;
  figures.waits = {note.waits, note.wait_ns, note.longest_wait_ns};
  return stretch;
}

model::LoopProcess process_of(const trace::LoopProcessNote& note) {
  model::LoopProcess process;
  if (note.cluster == 1) process.cluster = model::ClusterRole::primary;
  if (note.cluster == 2) process.cluster = model::ClusterRole::worker;
  for (const uint64_t port : note.ports)
    if (port <= UINT16_MAX) process.ports.push_back(static_cast<uint16_t>(port));
  process.up_since_ns = note.up_since_ns;
  return process;
}

// The main thread's first.
class Loops {
 public:
  explicit Loops(const trace::LoopNotes& notes) {
    for (const trace::LoopNote& note : notes.loops) {
      model::LoopTrack& track = of(note.tgid, note.tid);
      track.command = note.command;
      track.is_main = note.is_main;
    }
    for (const trace::LoopStretchNote& note : notes.stretches)
      if (note.begin_ns < note.end_ns)
        of(note.tgid, note.tid).stretches.push_back(stretch_of(note));
    for (const trace::LoopBlockNote& note : notes.blocks)
      of(note.tgid, note.tid).blocks.push_back(block_of(note));
  }

  std::vector<model::LoopTrack> take() {
    std::vector<model::LoopTrack> loops;
    for (auto& [thread, track] : by_thread_) {
      sort(track);
      loops.push_back(std::move(track));
    }
    std::stable_sort(loops.begin(), loops.end(),
                     [](const model::LoopTrack& one, const model::LoopTrack& other) {
                       return std::make_tuple(one.tgid, !one.is_main) <
                              std::make_tuple(other.tgid, !other.is_main);
                     });
    return loops;
  }

 private:
  model::LoopTrack& of(uint32_t tgid, uint32_t tid) {
    model::LoopTrack& track = by_thread_[{tgid, tid}];
    track.tgid = tgid;
    track.tid = tid;
    return track;
  }

  // One that went on was perhaps told again when it had ended.
  static void sort(model::LoopTrack& track) {
    std::stable_sort(track.stretches.begin(), track.stretches.end(),
                     [](const auto& one, const auto& other) { return one.end_ns < other.end_ns; });
    std::stable_sort(track.blocks.begin(), track.blocks.end(),
                     [](const model::LoopBlock& one, const model::LoopBlock& other) {
                       return std::make_tuple(one.start_ns, !one.ended, other.duration_ns) <
                              std::make_tuple(other.start_ns, !other.ended, one.duration_ns);
                     });
    const auto same = [](const model::LoopBlock& one, const model::LoopBlock& other) {
      return one.start_ns == other.start_ns;
    };
    track.blocks.erase(std::unique(track.blocks.begin(), track.blocks.end(), same),
                       track.blocks.end());
  }

  std::map<Thread, model::LoopTrack> by_thread_;
};

}  // namespace

model::LoopTracks loop_tracks_of(const trace::Header& header, const trace::LoopNotes& notes) {
  model::LoopTracks tracks;
  tracks.block_ns = header.loop_block_ns;
  tracks.loops = Loops(notes).take();
  for (const trace::LoopProcessNote& note : notes.processes)
    tracks.processes.insert_or_assign(note.tgid, process_of(note));
  std::map<uint32_t, model::PoolTrack> pools;
  for (const trace::PoolStretchNote& note : notes.pools) {
    pools[note.tgid].tgid = note.tgid;
    if (note.begin_ns < note.end_ns) pools[note.tgid].stretches.push_back(stretch_of(note));
  }
  for (auto& [tgid, pool] : pools) {
    std::stable_sort(pool.stretches.begin(), pool.stretches.end(),
                     [](const auto& one, const auto& other) { return one.end_ns < other.end_ns; });
    tracks.pools.push_back(std::move(pool));
  }
  std::map<std::pair<uint32_t, bool>, std::string> troubles;
  for (const trace::LoopTroubleNote& note : notes.troubles)
    troubles[{note.tgid, note.names_only}] = note.why;
  for (auto& [whose, why] : troubles)
    (whose.second ? tracks.unnamed : tracks.refused).push_back({whose.first, why});
  return tracks;
}

}  // namespace timeslice::play
