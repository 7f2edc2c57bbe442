// SPDX-License-Identifier: MIT
#include "runtime/v8_walk.h"

namespace timeslice::runtime {

namespace {

constexpr uint64_t kLargestStack = 64 << 20;
constexpr uint64_t kGrown = 256 << 10;  // the stack may have, since the registers were noted
constexpr uint64_t kScanned = 256 << 10;
constexpr size_t kMostFrames = 1024;  // functions' and others
constexpr uint64_t kLargestMarker = 128;
// An entry frame has saved where JavaScript had left before: after its type, a slot and the five
// registers that are the caller's (v8_isolate.cc knows the code). Then, since V8 13, the fast call.
constexpr uint64_t kSavedExit = 64, kSavedFastFrame = 72, kSavedFastPc = 80;

class Walk {
 public:
  Walk(const V8Ground& ground, const V8Registers& registers)
      : ground_(ground), layout_(ground.heap.layout()), registers_(registers) {
    const uint64_t entry = ground.isolate ? ground.isolate->entry_frame : 0;
    lowest_ = registers.sp > kGrown ? registers.sp - kGrown : 0;
    end_ = registers.sp + kLargestStack;
    if (entry >= lowest_ && entry < end_) end_ = entry + 16;
  }

  V8Walked run(size_t most_functions) {
    if (ground_.isolate && ground_.isolate->entry_frame == 0) return std::move(walked_);
    if (!find_start()) return drop("it has left the code that it was seen in");
    size_t functions = 0;
    for (size_t n = 0; n < kMostFrames && functions < most_functions; ++n) {
      if (!add_frame()) return drop("a frame is of no known kind");
      if (walked_.frames.back().function) ++functions;
      if (!advance()) break;
      if (broken_) return drop("its frames don't lead to where JavaScript was entered");
    }
    if (!walked_.complete) find_bottom();
    return std::move(walked_);
  }

 private:
  uint64_t word(uint64_t address) {
    return ground_.heap.memory().get<uint64_t>(address).value_or(0);
  }
  [[nodiscard]] bool on_stack(uint64_t address) const {
    return address % 8 == 0 && address >= lowest_ && address < end_;
  }

  V8Walked drop(std::string_view why) {
    walked_.frames.clear();
    walked_.dropped = why;
    return std::move(walked_);
  }

  // The type of a frame that isn't a function's; 0: it is one's, or no frame of V8's.
  uint64_t type_of(uint64_t frame) {
    const uint64_t marker = word(frame - layout_.frames.context);
    if (marker % 2 != 0 || marker >= kLargestMarker) return 0;
    return layout_.frames.known.test(marker / 2) ? marker / 2 : 0;
  }
  std::optional<V8Object> function_of(uint64_t frame) {
    if (!V8Heap::looks_like_object(word(frame - layout_.frames.context))) return std::nullopt;
    return ground_.heap.function(word(frame - layout_.frames.function));
  }
  bool is_frame(uint64_t frame) {
    return on_stack(frame) && (type_of(frame) != 0 || function_of(frame));
  }
  // Where JavaScript left for C++: it returns into V8's code.
  bool is_exit(uint64_t frame) {
    if (!on_stack(frame)) return false;
    const uint64_t type = type_of(frame);
    return type != 0 && layout_.frames.exits.test(type) && is_code(word(frame + 8)) &&
           word(frame) > frame && on_stack(word(frame));
  }
  bool is_code(uint64_t address) {
    if (!ground_.code.is_mapped(address)) walked_.mappings_outdated = true;
    return ground_.code.contains(address);
  }

  void go_to(uint64_t frame, uint64_t pc, bool innermost) {
    frame_ = frame;
    pc_ = pc;
    innermost_ = innermost;
  }

  bool find_start() {
    if (!is_code(registers_.ip)) return find_exit();
    go_to(registers_.bp, registers_.ip, true);
    if (is_frame(frame_)) return true;
    // Code of a regular expression has frames of its own kind.
    const uint64_t next = word(frame_), pc = word(frame_ + 8);
    if (use_fast_call()) return true;
    if (!on_stack(frame_) || next <= frame_ || !ground_.code.contains(pc) || !is_frame(next))
      return false;
    go_to(next, pc, false);
    return true;
  }

  bool use_fast_call() {
    if (!ground_.isolate) return false;
    const V8Isolate& isolate = *ground_.isolate;
    if (!is_frame(isolate.fast_call_frame) || !ground_.code.contains(isolate.fast_call_pc))
      return false;
    go_to(isolate.fast_call_frame, isolate.fast_call_pc, false);
    return true;
  }

  // It is in C++ or in the kernel. Where JavaScript left for it is searched for only if no isolate
  // says it: below the frames that are in use there are others that were, and look the same. If the
  // isolate's doesn't fit, the thread has gone on since its registers were noted.
  std::optional<uint64_t> exit_beyond(uint64_t from) {
    if (!ground_.isolate) return scan_for_exit(from);
    const uint64_t exit = ground_.isolate->exit_frame;
    return exit > lowest_ && is_exit(exit) ? std::optional(exit) : std::nullopt;
  }

  bool find_exit() {
    const auto exit = exit_beyond(registers_.sp);
    const uint64_t fast = ground_.isolate ? ground_.isolate->fast_call_frame : 0;
    if ((!exit || fast < *exit) && use_fast_call()) return true;
    if (exit) go_to(*exit, 0, false);
    return exit.has_value();
  }

  std::optional<uint64_t> scan_for_exit(uint64_t from) {
    for (uint64_t at = (from + 7) / 8 * 8; at < from + kScanned && on_stack(at); at += 8) {
      const auto next = ground_.heap.memory().get<uint64_t>(at);
      if (!next) return std::nullopt;
      if (*next > at && on_stack(*next) && is_exit(at)) return at;
    }
    return std::nullopt;
  }

  bool add_frame() {
    V8Frame frame{frame_, pc_, innermost_, std::nullopt, type_of(frame_)};
    if (frame.type == 0) {
      frame.function = function_of(frame_);
      if (!frame.function) return false;
      walked_.bottom = frame.function;
    }
    walked_.frames.push_back(frame);
    return true;
  }

  // To the frame that called this one. False: there is none.
  bool advance() {
    const uint64_t type = walked_.frames.back().type;
    if (type == layout_.frames.entry || type == layout_.frames.construct_entry) return leave();
    const uint64_t next = word(frame_), pc = word(frame_ + 8);
    if (!is_code(pc)) return called_by_native();
    broken_ = !on_stack(next) || next <= frame_;
    go_to(next, pc, false);
    return true;
  }

  bool enters_microtasks(uint64_t pc) {
    const auto offset = ground_.code.builtin_offset(pc);
    return offset && ground_.offsets && ground_.offsets->enters_microtasks(*offset);
  }

  // C++ had called JavaScript here.
  bool leave() {
    const bool outermost = ground_.isolate && ground_.isolate->entry_frame == frame_;
    const uint64_t exit = word(frame_ - kSavedExit);
    if (outermost || (!ground_.isolate && exit == 0)) {
      walked_.bottom_is_microtasks = enters_microtasks(pc_);
      walked_.complete = true;
      return false;
    }
    if (exit > frame_ && is_exit(exit)) {
      go_to(exit, 0, false);
      return true;
    }
    const uint64_t fast = word(frame_ - kSavedFastFrame), pc = word(frame_ - kSavedFastPc);
    if (fast <= frame_ || !is_frame(fast) || !ground_.code.contains(pc)) return false;
    go_to(fast, pc, false);
    return true;
  }

  // Without an entry frame, as C++ calls the code of a regular expression.
  bool called_by_native() {
    const auto exit = exit_beyond(frame_ + 16);
    broken_ = !exit || *exit <= frame_;
    if (!broken_) go_to(*exit, 0, false);
    return true;
  }

  // The frame that a frame called: its frame pointer is saved there.
  std::optional<uint64_t> callee_of(uint64_t frame) {
    constexpr uint64_t kFarthest = 4096;
    for (uint64_t at = frame - 16; at > frame - kFarthest && on_stack(at); at -= 8)
      if (word(at) == frame && ground_.code.contains(word(at + 8)) && is_frame(at)) return at;
    return std::nullopt;
  }

  // Of a stack deeper than the walk: from its other end.
  void find_bottom() {
    walked_.bottom.reset();
    if (!ground_.isolate || !on_stack(ground_.isolate->entry_frame)) return;
    std::optional<uint64_t> at = ground_.isolate->entry_frame;
    for (int steps = 0; steps < 8 && at && !walked_.bottom; ++steps) {
      const auto callee = callee_of(*at);
      if (!callee) return;
      if (steps == 0 && enters_microtasks(word(*callee + 8))) {
        walked_.bottom_is_microtasks = true;
        return;
      }
      walked_.bottom = function_of(*callee);
      at = callee;
    }
  }

  const V8Ground& ground_;
  const V8Layout& layout_;
  const V8Registers registers_;
  uint64_t lowest_ = 0, end_ = 0;  // of the part of the stack that frames may be on
  uint64_t frame_ = 0, pc_ = 0;
  bool innermost_ = false;
  bool broken_ = false;
  V8Walked walked_;
};

}  // namespace

V8Walked walk(const V8Ground& ground, const V8Registers& registers, size_t most_functions) {
  return Walk(ground, registers).run(most_functions);
}

}  // namespace timeslice::runtime
