// SPDX-License-Identifier: MIT
#include "record/loop_notes.h"

#include <algorithm>

#include "base/clock.h"
#include "base/failure.h"
#include "observe/targets.h"
#include "view/format/say.h"

namespace timeslice::record {

namespace {

constexpr size_t kMostFunctions = 4;  // of a block that are kept
constexpr size_t kMostFrames = 32;    // of a stack
constexpr size_t kMostName = 512;     // bytes, of a function's or a file's
constexpr std::chrono::milliseconds kBriefly{1};
constexpr uint64_t kPatience = 1'000'000'000, kLong = 10'000'000'000;  // ns

uint32_t cluster_number(model::ClusterRole role) {
  switch (role) {
    case model::ClusterRole::none:
      return 0;
    case model::ClusterRole::primary:
      return 1;
    case model::ClusterRole::worker:
      return 2;
  }
  return 0;
}

// Its longest beginning that ends no character in the middle.
std::string shortened(const std::string& name) {
  if (name.size() <= kMostName) return name;
  size_t end = kMostName;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end);
}

trace::FrameNote note_of(const model::StackFrame& frame) {
  return {shortened(frame.function),
          shortened(frame.file),
          static_cast<uint32_t>(std::max(frame.line, 0)),
          static_cast<uint32_t>(std::max(frame.column, 0)),
          frame.exact,
          frame.evaluated};
}

trace::LoopFunctionNote note_of(const model::BlockFunction& function) {
  trace::LoopFunctionNote note{note_of(function.frame), function.samples, {}};
  for (const model::StackFrame& frame : function.stack) {
    if (note.stack.size() == kMostFrames) break;
    note.stack.push_back(note_of(frame));
  }
  return note;
}

trace::LoopBlockNote note_of(const model::WatchedLoop& loop, const model::LoopBlock& block,
                             uint64_t ahead_ns) {
  const model::KeptProfile kept = block.profile.kept(kMostFunctions);
  trace::LoopBlockNote note;
  note.tgid = loop.tgid;
  note.tid = loop.tid;
  note.start_ns = block.start_ns + ahead_ns;
  note.duration_ns = block.duration_ns;
  note.oncpu_ns = block.split.oncpu;
  note.wait_ns = block.split.wait;
  note.ended = block.ended;
  note.samples = kept.samples;
  note.dropped = kept.dropped;
  note.named = kept.named;
  note.garbage_collector = kept.vm.garbage_collector;
  note.javascript = kept.vm.javascript;
  note.compiler = kept.vm.compiler;
  note.native = kept.vm.native;
  note.phase = kept.phase;
  for (const model::BlockFunction& function : kept.functions)
    note.functions.push_back(note_of(function));
  return note;
}

trace::LoopStretchNote stretch_of(const model::WatchedLoop& loop, uint64_t ahead_ns) {
  const model::LoopFigures& figures = loop.figures;
  trace::LoopStretchNote note;
  note.tgid = loop.tgid;
  note.tid = loop.tid;
  note.begin_ns = figures.end_ns - figures.interval_ns + ahead_ns;
  note.end_ns = figures.end_ns + ahead_ns;
  note.looks = figures.looks;
  note.longest_gap_ns = figures.longest_gap_ns;
  note.counts_turns = figures.turns.has_value();
  note.turns = figures.turns.value_or(0);
  note.oncpu_ns = figures.active.oncpu;
  note.wait_ns = figures.active.wait;
  note.asleep_ns = figures.active.asleep;
  note.idle_asleep_ns = figures.idle_asleep_ns;
  note.idle_ready_ns = figures.idle_ready_ns;
  note.longest_turn_ns = figures.longest_turn_ns;
  note.vm_looks = loop.activity.vm_looks;
  note.garbage_collector = loop.activity.vm.garbage_collector;
  note.javascript = loop.activity.vm.javascript;
  note.compiler = loop.activity.vm.compiler;
  note.native = loop.activity.vm.native;
  note.delays_ns = figures.delays_ns;
  return note;
}

trace::PoolStretchNote stretch_of(const model::WatchedPool& pool, uint64_t begin_ns,
                                  uint64_t end_ns) {
  const model::PoolFigures& figures = pool.figures;
  trace::PoolStretchNote note;
  note.tgid = pool.tgid;
  note.begin_ns = begin_ns;
  note.end_ns = end_ns;
  note.looks = figures.looks;
  note.saturated_looks = figures.saturated_looks;
  note.full_looks = figures.full_looks;
  note.threads = figures.threads;
  note.busy = figures.busy;
  note.counts_queue = figures.queued.has_value();
  note.queued = figures.queued.value_or(0);
  note.slow = figures.slow.value_or(0);
  note.most_queued = figures.most_queued;
  note.waits = figures.waits.ended;
  note.wait_ns = figures.waits.ended_ns;
  note.longest_wait_ns = figures.waits.longest_ns;
  return note;
}

}  // namespace

void LoopNotes::watch(std::vector<uint32_t> tgids, uint64_t now_ns) {
  std::sort(tgids.begin(), tgids.end());
  tgids.erase(std::unique(tgids.begin(), tgids.end()), tgids.end());
  if (failed_ || tgids == watched_) return;
  watched_ = tgids;
  try {
    if (watch_) return watch_->watch(std::move(tgids));
    ahead_ns_ = now_ns - monotonic_ns();
    if (ahead_ns_ + 1'000'000'000 < 2'000'000'000) ahead_ns_ = 0;  // the same clock, read twice
    watch_.emplace(std::move(tgids), live::LoopWatchOptions{.block_ns = block_ns_});
  } catch (const Failure& failure) {
    give_up(failure.what());
  }
}

void LoopNotes::write_new(trace::Writer& writer, std::chrono::milliseconds patience) {
  if (!watch_) return;
  try {
    const model::LoopFrame frame = watch_->take(unanswered_ns() > kPatience ? kBriefly : patience);
    if (frame.time_ns == 0) return note_unanswered(frame.note);
    unanswered_since_ns_ = 0;
    write(writer, frame);
  } catch (const Failure& failure) {
    give_up(failure.what());
  }
}

uint64_t LoopNotes::unanswered_ns() const {
  return unanswered_since_ns_ ? monotonic_ns() - unanswered_since_ns_ : 0;
}

// Reading the symbols of a program takes a while; memory that a server has may never be read. The
// recording waits for neither.
void LoopNotes::note_unanswered(const std::string& why) {
  if (unanswered_since_ns_ == 0) unanswered_since_ns_ = monotonic_ns();
  if (unanswered_ns() > kLong) say_once("no event loops at present: " + why);
}

void LoopNotes::write(trace::Writer& writer, const model::LoopFrame& frame) {
  if (!frame.note.empty()) say_once(frame.note);
  for (const model::WatchedLoop& loop : frame.loops) write_loop(writer, loop);
  write_processes(writer, frame);
  for (const model::WatchedPool& pool : frame.pools)
    write_pool(writer, pool, frame.time_ns + ahead_ns_);
  write_ended(writer);
  write_troubles(writer, frame.refused, false);
  write_troubles(writer, frame.unnamed, true);
}

void LoopNotes::write_loop(trace::Writer& writer, const model::WatchedLoop& loop) {
  seen_any_ = true;
  writer.loop({loop.tgid, loop.tid, loop.is_main, loop.command});
  writer.loop_stretch(stretch_of(loop, ahead_ns_));
  open_.erase({loop.tgid, loop.tid});
  for (const model::LoopBlock& block : loop.figures.blocks) {
    trace::LoopBlockNote note = note_of(loop, block, ahead_ns_);
    if (block.ended)
      writer.loop_block(note);
    else
      open_.insert_or_assign({loop.tgid, loop.tid}, std::move(note));
  }
}

void LoopNotes::write_processes(trace::Writer& writer, const model::LoopFrame& frame) {
  std::vector<uint32_t> tgids;
  for (const model::WatchedLoop& loop : frame.loops)
    if (tgids.empty() || tgids.back() != loop.tgid) tgids.push_back(loop.tgid);
  const uint64_t now_ns = monotonic_ns() + ahead_ns_;
  for (const model::ProcessDescription& process : descriptions_.of(tgids)) {
    if (!process.uptime_ns) continue;  // it has ended
    const uint64_t since_ns =
        up_since_ns_.try_emplace(process.tgid, now_ns - *process.uptime_ns).first->second;
    writer.loop_process({process.tgid,
                         cluster_number(process.cluster),
                         {process.ports.begin(), process.ports.end()},
                         since_ns});
  }
}

void LoopNotes::write_pool(trace::Writer& writer, const model::WatchedPool& pool, uint64_t now_ns) {
  uint64_t& taken_ns = pools_taken_ns_[pool.tgid];
  if (taken_ns != 0) writer.pool_stretch(stretch_of(pool, taken_ns, now_ns));
  taken_ns = now_ns;
}

// A block whose thread has ended in it.
void LoopNotes::write_ended(trace::Writer& writer) {
  std::erase_if(open_, [&](const auto& open) {
    if (observe::process_exists(open.first.second)) return false;
    writer.loop_block(open.second);
    return true;
  });
}

void LoopNotes::write_troubles(trace::Writer& writer,
                               const std::vector<model::RefusedProcess>& processes,
                               bool names_only) {
  for (const model::RefusedProcess& process : processes) {
    const std::string whose = "process " + std::to_string(process.tgid) + ": " + process.why;
    say_once(names_only ? whose : "cannot watch the event loops of " + whose);
    if (told_.insert({process.tgid, names_only}).second)
      writer.loop_trouble({process.tgid, names_only, process.why});
  }
}

void LoopNotes::write_open(trace::Writer& writer) const {
  for (const auto& [thread, block] : open_) writer.loop_block(block);
}

void LoopNotes::give_up(const std::string& why) {
  failed_ = true;
  watch_.reset();
  say_once("event loops are not recorded: " + why);
}

void LoopNotes::say_once(const std::string& sentence) {
  if (said_.insert(sentence).second && !quiet_) view::say(sentence);
}

std::string LoopNotes::what_is_missing() const {
  if (seen_any_ || failed_) return "";
  return watched_.empty() ? "no Node process was found, so no event loop was recorded"
                          : "no event loop was found in the recorded processes";
}

}  // namespace timeslice::record
