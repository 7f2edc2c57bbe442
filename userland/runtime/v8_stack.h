// SPDX-License-Identifier: MIT
// Which JavaScript functions is a thread in? Asked from outside, by the registers of its last entry
// into the kernel and its memory, while it goes on: so nothing is believed that doesn't fit. A
// sample in doubt is dropped, with the reason; it never names a function that it isn't sure of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"
#include "runtime/v8_code.h"
#include "runtime/v8_isolate.h"
#include "runtime/v8_layout.h"
#include "runtime/v8_naming.h"
#include "runtime/v8_requests.h"
#include "runtime/v8_walk.h"

namespace timeslice::runtime {

// What of the event loop called JavaScript, by the outermost frames.
enum class JsPhase { kUnknown, kScript, kTimers, kCheck, kMicrotasks, kPoll };

struct JsStack {
  std::vector<JsFrame> frames;  // the innermost first
  JsPhase phase = JsPhase::kUnknown;
  V8State state = V8State::kUnknown;
  bool cut = false;                   // there are more frames
  std::vector<HttpRequest> requests;  // that it may be serving, where they were asked for
  std::string_view dropped;  // why there are no frames; empty: there are, or it isn't in any
  // It runs code that is in none of the mappings known: read them again.
  bool mappings_outdated = false;
  size_t bytes_read = 0;
};

struct JsStackLimits {
  size_t frames = 64;
  size_t bytes = 24 << 20;  // read for one sample; a script whose lines are counted is among them
  bool requests = false;    // HTTP requests are asked for
};

// Of one process. Not for several threads at once.
class V8Stacks {
 public:
  // `base` is where the image is that has V8 in it: the program, or a library. Throws a Failure
  // that says why its functions can't be named.
  V8Stacks(MemoryReader& memory, uint64_t base, const std::vector<ExecutableMapping>& mappings);

  void set_mappings(MemoryReader& memory, const std::vector<ExecutableMapping>& mappings);
  [[nodiscard]] JsStack sample(MemoryReader& memory, const V8Registers& registers,
                               const JsStackLimits& limits = {});
  // What V8 does on the thread with this base of %fs.
  [[nodiscard]] V8State state(MemoryReader& memory, uint64_t fs_base);

 private:
  JsStack sample_once(MemoryReader& memory, const V8Registers& registers,
                      const JsStackLimits& limits);
  void read_code(MemoryReader& memory);
  void ask_isolate(MemoryReader& memory, uint64_t fs_base);

  ElfImage image_;
  V8Layout layout_;
  std::vector<ExecutableMapping> mappings_;
  CodeRange builtins_;  // as the program says, or an isolate; empty: by the mappings
  std::optional<int64_t> thread_offset_;
  int isolates_asked_ = 0;
  V8Code code_;
  std::optional<V8IsolateOffsets> isolates_;
  V8Known known_;
};

}  // namespace timeslice::runtime
