// SPDX-License-Identifier: MIT
#include "model/block_profile.h"

#include <algorithm>
#include <utility>

namespace timeslice::model {

namespace {

// A block has one to a few; what calls itself by a new name each time doesn't take our memory.
constexpr size_t kMostFunctions = 64;
constexpr size_t kMostRequests = 16;

auto name_of(const StackFrame& frame) {
  return std::tuple(frame.function, frame.file, frame.evaluated);
}

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

void ServedRequests::add(const ServedRequests& other) {
  doubtful |= other.doubtful;
  for (const std::string& request : other.all)
    if (all.size() < kMostRequests) all.insert(request);
}

BlockProfile::BlockProfile(const KeptProfile& kept)
    : samples_(kept.samples), named_(kept.named), dropped_(kept.dropped), vm_(kept.vm) {
  if (!kept.phase.empty()) phases_[kept.phase] = kept.samples;
  for (const BlockFunction& function : kept.functions) {
    if (functions_.size() >= kMostFunctions) break;
    const StackFrame& frame = function.frame;
    functions_[name_of(frame)] = {function.samples,
                                  {{{frame.line, frame.column, frame.exact}, function.samples}},
                                  function.stack,
                                  function.requests};
  }
}

KeptProfile BlockProfile::kept(size_t most_functions) const {
  KeptProfile kept{samples_, dropped_, named_, vm_, phase(), functions()};
  if (kept.functions.size() > most_functions) kept.functions.resize(most_functions);
  return kept;
}

void BlockProfile::add(const StackSample& sample) {
  ++samples_;
  vm_.add(sample.vm);
  if (!sample.phase.empty()) ++phases_[sample.phase];
  const StackFrame* own = own_frame(sample.frames);
  if (!own) return;
  ++named_;
  const Name name = name_of(*own);
  if (functions_.size() >= kMostFunctions && !functions_.contains(name)) return;
  Seen& seen = functions_[name];
  if (seen.samples++ == 0) seen.stack = sample.frames;
  ++seen.lines[{own->line, own->column, own->exact}];
  seen.requests.add({{sample.requests.begin(), sample.requests.end()}, sample.requests.size() > 1});
}

void BlockProfile::add(const BlockProfile& other) {
  samples_ += other.samples_;
  named_ += other.named_;
  dropped_ += other.dropped_;
  vm_.add(other.vm_);
  for (const auto& [phase, samples] : other.phases_) phases_[phase] += samples;
  for (const auto& [name, seen] : other.functions_) {
    if (functions_.size() >= kMostFunctions && !functions_.contains(name)) continue;
    Seen& mine = functions_[name];
    if (mine.samples == 0) mine.stack = seen.stack;
    mine.samples += seen.samples;
    mine.requests.add(seen.requests);
    for (const auto& [line, samples] : seen.lines) mine.lines[line] += samples;
  }
}

BlockFunction BlockProfile::described(const Name& name, const Seen& seen) const {
  const Line& line = most_frequent(seen.lines)->first;
  const auto& [function, file, evaluated] = name;
  return {{function, file, line.line, line.column, line.exact, evaluated},
          1.0 * seen.samples / named_,
          seen.samples,
          named_,
          seen.stack,
          seen.requests};
}

std::vector<BlockFunction> BlockProfile::functions() const {
  std::vector<BlockFunction> functions;
  for (const auto& [name, seen] : functions_) functions.push_back(described(name, seen));
  std::stable_sort(functions.begin(), functions.end(),
                   [](const auto& one, const auto& other) { return one.samples > other.samples; });
  return functions;
}

std::optional<BlockFunction> BlockProfile::function() const {
  if (functions_.empty()) return std::nullopt;
  const auto top = std::max_element(functions_.begin(), functions_.end(), [](auto& a, auto& b) {
    return a.second.samples < b.second.samples;
  });
  return described(top->first, top->second);
}

std::string BlockProfile::phase() const {
  return phases_.empty() ? "" : most_frequent(phases_)->first;
}

}  // namespace timeslice::model
