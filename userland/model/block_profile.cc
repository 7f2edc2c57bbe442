// SPDX-License-Identifier: MIT
#include "model/block_profile.h"

#include <algorithm>
#include <utility>

namespace timeslice::model {

namespace {

// A block has one to a few; what calls itself by a new name each time doesn't take our memory.
constexpr size_t kMostFunctions = 64;

// Node names its own modules by a scheme.
bool is_of_runtime(const StackFrame& frame) {
  return frame.file.empty() || frame.file.rfind("node:", 0) == 0;
}

template <typename Map>
auto most_frequent(const Map& counts) {
  return std::max_element(counts.begin(), counts.end(), [](const auto& one, const auto& other) {
    return one.second < other.second;
  });
}

}  // namespace

const StackFrame* own_frame(const std::vector<StackFrame>& frames) {
  const auto first = [&](auto matches) {
    const auto found = std::find_if(frames.begin(), frames.end(), matches);
    return found == frames.end() ? nullptr : &*found;
  };
  if (const StackFrame* own = first([](const StackFrame& f) { return !is_of_runtime(f); }))
    return own;
  if (const StackFrame* in_file = first([](const StackFrame& f) { return !f.file.empty(); }))
    return in_file;
  return frames.empty() ? nullptr : &frames.front();
}

void BlockProfile::add(const StackSample& sample) {
  ++samples_;
  gc_ += sample.collects_garbage;
  if (!sample.phase.empty()) ++phases_[sample.phase];
  const StackFrame* own = own_frame(sample.frames);
  if (!own) return;
  ++named_;
  const std::pair name{own->function, own->file};
  if (functions_.size() >= kMostFunctions && !functions_.contains(name)) return;
  Seen& seen = functions_[name];
  if (seen.samples++ == 0) seen.stack = sample.frames;
  ++seen.lines[{own->line, own->column, own->exact}];
}

std::optional<BlockFunction> BlockProfile::function() const {
  if (functions_.empty()) return std::nullopt;
  const auto top = std::max_element(functions_.begin(), functions_.end(), [](auto& a, auto& b) {
    return a.second.samples < b.second.samples;
  });
  const Line& line = most_frequent(top->second.lines)->first;
  BlockFunction function;
  function.frame = {top->first.first, top->first.second, line.line, line.column, line.exact};
  function.share = 1.0 * top->second.samples / named_;
  function.stack = top->second.stack;
  return function;
}

std::string BlockProfile::phase() const {
  return phases_.empty() ? "" : most_frequent(phases_)->first;
}

}  // namespace timeslice::model
