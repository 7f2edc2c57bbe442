// SPDX-License-Identifier: MIT
#include "live/js_sampler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "live/images.h"
#include "observe/process_maps.h"

namespace timeslice::live {

namespace {

// What V8 exports for debuggers, in every version that does.
constexpr const char* kMark = "v8dbg_class_Map__instance_type__uint16_t";
// Mappings are read again where code lies outside of them; a process that makes new ones all the
// time doesn't take all of our time.
constexpr uint64_t kMappingsEvery = 100'000'000;  // ns

std::vector<runtime::ExecutableMapping> executable(const std::vector<observe::Mapping>& maps,
                                                   uint64_t image_inode) {
  std::vector<runtime::ExecutableMapping> code;
  for (const observe::Mapping& map : maps) {
    if (!map.executable) continue;
    code.push_back({map.start, map.end, map.offset, map.inode != 0 && map.inode == image_inode,
                    map.inode == 0 && (map.path.empty() || map.path.rfind("[anon:", 0) == 0)});
  }
  return code;
}

std::string phase_of(runtime::JsPhase phase) {
  switch (phase) {
    case runtime::JsPhase::kScript:
      return "script";
    case runtime::JsPhase::kTimers:
      return "timers";
    case runtime::JsPhase::kCheck:
      return "check";
    case runtime::JsPhase::kMicrotasks:
      return "microtasks";
    case runtime::JsPhase::kPoll:
      return "poll";
    case runtime::JsPhase::kUnknown:
      break;
  }
  return "";
}

model::VmState vm_state(runtime::V8State state) {
  switch (state) {
    case runtime::V8State::kJavaScript:
      return model::VmState::javascript;
    case runtime::V8State::kGarbageCollector:
      return model::VmState::garbage_collector;
    case runtime::V8State::kParser:
    case runtime::V8State::kBytecodeCompiler:
    case runtime::V8State::kCompiler:
      return model::VmState::compiler;
    case runtime::V8State::kOther:
    case runtime::V8State::kExternal:
    case runtime::V8State::kAtomicsWait:
    case runtime::V8State::kIdle:
      return model::VmState::native;
    case runtime::V8State::kUnknown:
      break;
  }
  return model::VmState::unknown;
}

model::StackFrame frame_of(runtime::JsFrame& frame) {
  return {std::move(frame.function),
          std::move(frame.file),
          frame.line,
          frame.column,
          frame.exact,
          frame.evaluated};
}

}  // namespace

JsSampler::JsSampler(uint32_t tgid) : tgid_(tgid), memory_(tgid) { find_v8(); }

void JsSampler::find_v8() {
  refusal_ = "cannot name JavaScript functions: V8's description of itself isn't in the process";
  const std::vector<observe::Mapping> maps = observe::read_maps(tgid_);
  const std::vector<LoadedImage> images = images_with(memory_, maps, kMark);
  if (images.empty()) return;
  const observe::Mapping& image = images.front().mapping;
  try {
    image_inode_ = image.inode;
    stacks_.emplace(memory_, image.start, executable(maps, image_inode_));
    refusal_.clear();
  } catch (const Failure& failure) {
    refusal_ = failure.what();
  }
}

void JsSampler::read_mappings(uint64_t now_ns) {
  mappings_read_ns_ = now_ns;
  stacks_->set_mappings(memory_, executable(observe::read_maps(tgid_), image_inode_));
}

model::VmState JsSampler::state(const ts_look& look) {
  if (!stacks_ || !(look.have & TS_LOOK_REGISTERS)) return model::VmState::unknown;
  return vm_state(stacks_->state(memory_, look.thread_pointer));
}

std::optional<model::StackSample> JsSampler::sample(const ts_look& look, uint64_t now_ns,
                                                    bool with_requests) {
  if (!stacks_ || !(look.have & TS_LOOK_REGISTERS)) return std::nullopt;
  const runtime::V8Registers registers{look.ip, look.sp, look.bp, look.thread_pointer};
  runtime::JsStackLimits limits;
  limits.requests = with_requests;
  runtime::JsStack stack = stacks_->sample(memory_, registers, limits);
  if (stack.mappings_outdated && now_ns - mappings_read_ns_ > kMappingsEvery) {
    read_mappings(now_ns);
    stack = stacks_->sample(memory_, registers, limits);
  }
  if (!stack.dropped.empty()) return std::nullopt;
  model::StackSample sample;
  for (runtime::JsFrame& frame : stack.frames)
    if (frame.kind != runtime::JsFrameKind::kNativeEntry) sample.frames.push_back(frame_of(frame));
  for (const runtime::HttpRequest& request : stack.requests)
    sample.requests.push_back(request.method + ' ' + request.path);
  sample.phase = phase_of(stack.phase);
  sample.vm = vm_state(stack.state);
  return sample;
}

}  // namespace timeslice::live
