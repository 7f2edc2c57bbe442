// SPDX-License-Identifier: MIT
// Does a walk follow V8's frames from the innermost to the outermost, in and out of C++, and does
// it stop where they aren't what they seem?
#include "runtime/v8_walk.h"

#include "tests/catch.h"
#include "tests/unit/made_stack.h"

using namespace made_stack;

namespace {

// As a walk from a moment in C++ shows it.
std::string shape(const V8Walked& walked) {
  std::string text;
  for (const V8Frame& frame : walked.frames)
    text += frame.function ? "F" : std::to_string(frame.type);
  return text + (walked.complete ? "." : "...");
}

}  // namespace

TEST_CASE("a walk leads from compiled code to where C++ entered it", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_typed(23);
  t.push_named("outer", 5);
  t.push_named("inner", 25);
  const auto walked = t.walk_from(kCompiled + 0x100);
  CHECK(shape(walked) == "FF231.");
  CHECK(walked.dropped.empty());
  CHECK(walked.frames[0].pc == kCompiled + 0x100);
  CHECK(walked.frames[0].innermost);
  CHECK(walked.frames[1].pc == kBuiltins + 0x200);
  CHECK_FALSE(walked.frames[1].innermost);
}

TEST_CASE("from C++ a walk begins where JavaScript left for it, and goes on beyond", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("main", 5);
  t.push_exit();
  for (int i = 0; i < 40; ++i) t.push(0x1234);
  t.push_entry();
  t.push_named("callback", 5);
  t.push_exit();
  t.push(kNative + 8);
  CHECK(shape(t.walk_from(kNative + 4)) == "3F13F1.");
  // Without an isolate the stack is searched.
  t.with_isolate = false;
  CHECK(shape(t.walk_from(kNative + 4)) == "3F13F1.");
}

TEST_CASE("a thread that has gone on since its registers were noted is in doubt", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("main", 5);
  t.push_exit();
  t.push(kNative + 8);
  t.isolate.exit_frame = 0;  // it is back in JavaScript; its frame in C++ is still to be seen
  CHECK(t.walk_from(kNative + 4).frames.empty());
  CHECK_FALSE(t.walk_from(kNative + 4).dropped.empty());
}

TEST_CASE("a thread that C++ hasn't called JavaScript on is in none of its functions", "[v8]") {
  Thread t;
  t.push(0);
  const auto walked = t.walk_from(kNative + 4);
  CHECK(walked.frames.empty());
  CHECK(walked.dropped.empty());
}

TEST_CASE("a function that calls C directly has noted its own frame", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("main", 5);
  t.push_exit();
  t.push_entry();
  t.push_named("fast", 5);
  t.isolate.fast_call_frame = t.bp;
  t.isolate.fast_call_pc = kCompiled + 0x500;
  t.push(kNative + 8);
  const auto walked = t.walk_from(kNative + 4);
  CHECK(shape(walked) == "F13F1.");
  CHECK(walked.frames[0].pc == kCompiled + 0x500);
}

TEST_CASE("code of a regular expression, called by C++, leads to where JavaScript left", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("tests", 5);
  t.push_exit();
  t.push(kNative);
  t.push_typed(31, kNative + 0x20);
  CHECK(shape(t.walk_from(kCompiled + 8)) == "313F1.");
}

TEST_CASE("a frame of no known kind is in doubt, and so are all", "[v8]") {
  const auto spoilt = [](uint64_t below, uint64_t word) {
    Thread t;
    t.push_entry();
    t.push_named("outer", 5);
    const uint64_t outer = t.bp;
    t.push_named("inner", 5);
    t.pages.put(outer - below, word);
    return t.walk_from(kCompiled + 4);
  };
  Thread other;
  CHECK(spoilt(16, other.script).frames.empty());  // no function, though an object
  CHECK(spoilt(16, 0x123).frames.empty());
  CHECK(spoilt(8, 63 << 1).frames.empty());  // a type that there isn't
  CHECK(spoilt(8, 5000).frames.empty());
  CHECK_FALSE(spoilt(8, 5000).dropped.empty());
}

TEST_CASE("frames that lead back, or off the stack, end the walk", "[v8]") {
  const auto linked_to = [](auto next) {
    Thread t;
    t.push_entry();
    t.push_named("outer", 5);
    t.push_named("inner", 5);
    t.pages.put(t.bp, next(t));
    return t.walk_from(kCompiled + 4);
  };
  CHECK(linked_to([](const Thread& t) { return t.bp; }).frames.empty());
  CHECK(linked_to([](const Thread& t) { return t.bp - 64; }).frames.empty());
  CHECK(linked_to([](const Thread&) { return kStackEnd + 64; }).frames.empty());
  CHECK(linked_to([](const Thread& t) { return t.bp + 4; }).frames.empty());
  CHECK(linked_to([](const Thread&) { return ~uint64_t{7}; }).frames.empty());
}

TEST_CASE("a return into code that isn't mapped asks for the mappings", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_named("outer", 5);
  t.push_function(t.function_at("inner", 5), kCompiled + (2 << 20));
  const auto walked = t.walk_from(kCompiled + 4);
  CHECK(walked.frames.empty());
  CHECK(walked.mappings_outdated);
}

TEST_CASE("a deep stack is cut, and its bottom is still found", "[v8]") {
  Thread t;
  t.push_entry();
  t.push_typed(23);
  t.push_named("bottom", 5);
  const auto bottom = t.walk_from(kCompiled + 4).bottom;
  for (int depth = 0; depth < 300; ++depth) t.push_named("recursive", 5);
  const auto walked = t.walk_from(kCompiled + 4, 64);
  CHECK(walked.frames.size() == 64);
  CHECK_FALSE(walked.complete);
  REQUIRE(walked.bottom);
  CHECK(walked.bottom->tagged == bottom->tagged);
}
