// SPDX-License-Identifier: MIT
// Is a stack named from a process's image and memory alone, from V8's description of itself to the
// lines, whatever its thread is in?
#include "runtime/v8_stack.h"

#include "tests/catch.h"
#include "tests/unit/made_process.h"

using namespace made_process;

namespace {

struct Taken {
  std::string names;  // "NAME:LINE ..."
  JsStack stack;
};

Taken take(const made_program::Description& description, Leaf leaf) {
  Process process(description, leaf);
  V8Stacks stacks(process, kImage, Process::mappings());
  Taken taken;
  taken.stack = stacks.sample(process, process.registers());
  for (const JsFrame& frame : taken.stack.frames)
    if (frame.kind != JsFrameKind::kNativeEntry)
      taken.names +=
          (taken.names.empty() ? "" : " ") + frame.function + ":" + std::to_string(frame.line);
  return taken;
}

}  // namespace

TEST_CASE("a stack is named from a process's memory alone, whatever its thread is in", "[v8]") {
  const std::string below = " sort:0 anonymous:2 interpreted:2";
  const std::string outer = "based:5" + below, all = "inelsewhere:4 fast:3 " + outer;
  for (const auto& description : {made_program::kNode20, made_program::kNode24}) {
    for (const Leaf leaf : {Leaf::optimized, Leaf::fast_call})
      CHECK(take(description, leaf).names == all);
    CHECK(take(description, Leaf::baseline).names == outer);
    for (const Leaf leaf : {Leaf::handler, Leaf::regexp, Leaf::native})
      CHECK(take(description, leaf).names == "fast:1 " + outer);
    const Taken deep = take(description, Leaf::deep);
    CHECK(deep.stack.cut);
    CHECK(deep.stack.frames.size() == 65);
    CHECK(deep.stack.phase == JsPhase::kPoll);
  }
}
