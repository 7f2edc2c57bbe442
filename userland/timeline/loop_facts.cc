// SPDX-License-Identifier: MIT
#include "timeline/loop_facts.h"

#include <algorithm>
#include <optional>

namespace timeslice::timeline {

using nlohmann::json;

namespace {

constexpr size_t kMostFrames = 12;  // of a stack that is shown

uint64_t since(uint64_t moment_ns, uint64_t begin_ns) {
  return moment_ns > begin_ns ? moment_ns - begin_ns : 0;
}

json frame_facts(const model::StackFrame& frame) {
  json facts = {{"function", frame.function}, {"file", frame.file}, {"line", frame.line}};
  if (frame.exact) facts["exact"] = true;
  if (frame.evaluated) facts["evaluated"] = true;
  return facts;
}

// By V8's own states, as shares of the samples.
json vm_facts(const model::BlockProfile& profile) {
  const model::VmLooks& vm = profile.vm();
  return {{"JavaScript", profile.share_of(vm.javascript)},
          {"garbage collection", profile.share_of(vm.garbage_collector)},
          {"compiler", profile.share_of(vm.compiler)},
          {"C++", profile.share_of(vm.native)}};
}

json block_facts(const model::LoopBlock& block, uint64_t begin_ns, uint64_t end_ns) {
  json facts = {{"begin_ns", since(block.start_ns, begin_ns)},
                {"end_ns", since(std::min(block.start_ns + block.duration_ns, end_ns), begin_ns)},
                {"length_ns", block.duration_ns},
                {"oncpu_ns", block.split.oncpu},
                {"wait_ns", block.split.wait},
                {"asleep_ns", block.split.asleep},
                {"ended", block.ended},
                {"phase", block.profile.phase()},
                {"vm", vm_facts(block.profile)},
                {"samples", block.profile.samples()}};
  if (const auto function = block.profile.function()) {
    facts["frame"] = frame_facts(function->frame);
    facts["in"] = function->samples;
    json& stack = facts["stack"] = json::array();
    for (const model::StackFrame& frame : function->stack)
      if (stack.size() < kMostFrames) stack.push_back(frame_facts(frame));
  }
  return facts;
}

// By number; -1: the page has no such thread.
int64_t thread_of(const model::LoopTrack& track, std::span<const model::HistoryThread> threads) {
  const auto found = std::find_if(threads.begin(), threads.end(), [&](const auto& thread) {
    return thread.tid == track.tid && thread.tgid == track.tgid;
  });
  return found == threads.end() ? -1 : found - threads.begin();
}

}  // namespace

json loop_facts(const model::LoopTracks& tracks, std::span<const model::HistoryThread> threads,
                uint64_t begin_ns, uint64_t end_ns) {
  json loops = json::array();
  for (const model::LoopTrack& track : tracks.loops) {
    json blocks = json::array();
    for (const model::LoopBlock& block : track.blocks)
      if (block.start_ns < end_ns && block.start_ns + block.duration_ns > begin_ns)
        blocks.push_back(block_facts(block, begin_ns, end_ns));
    const uint64_t watched = track.stretches.empty() ? end_ns : track.stretches.front().begin_ns;
    loops.push_back({{"thread", thread_of(track, threads)},
                     {"tgid", track.tgid},
                     {"tid", track.tid},
                     {"name", track.name()},
                     {"main", track.is_main},
                     {"watched_ns", since(watched, begin_ns)},
                     {"blocks", std::move(blocks)}});
  }
  return loops;
}

}  // namespace timeslice::timeline
