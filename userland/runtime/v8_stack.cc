// SPDX-License-Identifier: MIT
#include "runtime/v8_stack.h"

#include <algorithm>
#include <string>

#include "base/failure.h"
#include "runtime/cached_reader.h"

namespace timeslice::runtime {

namespace {

constexpr size_t kSetUpBytes = 64 << 20;  // read once for a process
constexpr size_t kStateBytes = 64 << 10;
constexpr int kMostAsked = 16;
constexpr int kMostAttempts = 8;
constexpr uint64_t kStackLoaded = 64 << 10;

ElfImage image_at(MemoryReader& memory, uint64_t base) {
  if (auto image = ElfImage::at(memory, base)) return *image;
  throw Failure(
      "cannot name JavaScript functions: the program's image can't be read in its memory");
}

// Of what Node itself runs outermost. Else C++ called JavaScript for something that happened.
JsPhase phase_of(const JsFrame& bottom) {
  if (bottom.file.rfind("node:internal/", 0) != 0) return JsPhase::kPoll;
  if (bottom.function == "processTimers") return JsPhase::kTimers;
  if (bottom.function == "processImmediate") return JsPhase::kCheck;
  if (bottom.function == "processTicksAndRejections") return JsPhase::kMicrotasks;
  return bottom.file.rfind("node:internal/main/", 0) == 0 ? JsPhase::kScript : JsPhase::kPoll;
}

// Of the stack, from its end to where C++ called JavaScript first.
std::vector<uint64_t> words_of(MemoryReader& memory, uint64_t sp, const V8Isolate& isolate) {
  if (isolate.entry_frame <= sp) return {};
  std::vector<uint64_t> words(std::min(isolate.entry_frame - sp, kStackLoaded) / 8);
  if (!memory.read(sp / 8 * 8, words.data(), words.size() * 8)) words.clear();
  return words;
}

}  // namespace

V8Stacks::V8Stacks(MemoryReader& memory, uint64_t base,
                   const std::vector<ExecutableMapping>& mappings)
    : image_(image_at(memory, base)) {
  CachedReader cached(memory, kSetUpBytes);
  layout_ = V8Layout::read(cached, image_);
  known_.bytecode_sizes = V8BytecodeSizes::read(cached, image_);
  builtins_ = exported_builtins(cached, image_);
  thread_offset_ = isolate_thread_offset(cached, image_);
  set_mappings(memory, mappings);
}

void V8Stacks::set_mappings(MemoryReader& memory, const std::vector<ExecutableMapping>& mappings) {
  mappings_ = mappings;
  CachedReader cached(memory, kSetUpBytes);
  read_code(cached);
}

void V8Stacks::read_code(MemoryReader& memory) {
  code_ = V8Code(mappings_, builtins_);
  if (!isolates_) isolates_ = V8IsolateOffsets::read(memory, image_, code_);
}

// On a machine with little memory there is no second mapping, and newer versions don't export where
// their built-ins are; but each isolate has it.
void V8Stacks::ask_isolate(MemoryReader& memory, uint64_t fs_base) {
  if (isolates_ || !thread_offset_ || isolates_asked_ == kMostAsked) return;
  CachedReader cached(memory, kSetUpBytes);
  const auto isolate = cached.get<uint64_t>(fs_base + static_cast<uint64_t>(*thread_offset_));
  if (!isolate || *isolate == 0) return;
  ++isolates_asked_;
  builtins_ = builtins_of_isolate(cached, *isolate, code_);
  if (builtins_.empty()) return;
  read_code(cached);
  if (isolates_) return;
  builtins_ = {};
  read_code(cached);
}

// The thread goes on meanwhile: what didn't fit may a moment later, mostly where it calls C++ again
// and again.
JsStack V8Stacks::sample(MemoryReader& memory, const V8Registers& registers,
                         const JsStackLimits& limits) {
  ask_isolate(memory, registers.fs_base);
  JsStack stack = sample_once(memory, registers, limits);
  size_t bytes = stack.bytes_read;
  for (int more = kMostAttempts - 1; more > 0 && !stack.dropped.empty(); --more) {
    if (stack.mappings_outdated || bytes >= limits.bytes) break;
    stack = sample_once(memory, registers, {limits.frames, limits.bytes - bytes, limits.requests});
    bytes += stack.bytes_read;
  }
  stack.bytes_read = bytes;
  return stack;
}

V8State V8Stacks::state(MemoryReader& memory, uint64_t fs_base) {
  ask_isolate(memory, fs_base);
  if (!isolates_) return V8State::kUnknown;
  CachedReader cached(memory, kStateBytes);
  const auto isolate = isolates_->isolate_of(cached, fs_base);
  return isolate ? isolate->state : V8State::kUnknown;
}

JsStack V8Stacks::sample_once(MemoryReader& memory, const V8Registers& registers,
                              const JsStackLimits& limits) {
  JsStack stack;
  CachedReader cached(memory, limits.bytes);
  V8Heap heap(cached, layout_);
  V8Ground ground{heap, code_, isolates_ ? &*isolates_ : nullptr, std::nullopt};
  if (isolates_) ground.isolate = isolates_->isolate_of(cached, registers.fs_base);
  if (ground.isolate) {
    stack.state = ground.isolate->state;
    if (ground.isolate->entry_frame > registers.sp)
      cached.load(registers.sp,
                  std::min(ground.isolate->entry_frame + 16 - registers.sp, kStackLoaded));
  }
  const V8Walked walked = walk(ground, registers, limits.frames);
  stack.dropped = walked.dropped;
  stack.mappings_outdated = walked.mappings_outdated;
  stack.cut = !walked.complete;
  V8Naming naming(ground, known_, registers.sp);
  for (const V8Frame& frame : walked.frames) {
    if (frame.function) {
      if (naming.name(frame, stack.frames)) continue;
      stack.frames.clear();
      stack.dropped = "a function's description doesn't fit";
      break;
    }
    if (frame.type == layout_.frames.entry || frame.type == layout_.frames.construct_entry)
      stack.frames.push_back({JsFrameKind::kNativeEntry});
  }
  if (walked.bottom_is_microtasks) {
    stack.phase = JsPhase::kMicrotasks;
  } else if (const auto bottom = walked.bottom ? naming.name_only(*walked.bottom) : std::nullopt) {
    stack.phase = phase_of(*bottom);
  }
  if (limits.requests && stack.dropped.empty() && ground.isolate)
    stack.requests = http_requests(heap, words_of(cached, registers.sp, *ground.isolate));
  stack.bytes_read = cached.bytes_read();
  return stack;
}

}  // namespace timeslice::runtime
