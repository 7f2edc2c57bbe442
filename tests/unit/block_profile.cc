// SPDX-License-Identifier: MIT
// Which function is said to have blocked a loop? The program's own that most samples were in.
#include "model/block_profile.h"

#include "tests/catch.h"

namespace timeslice::model {

namespace {

const StackFrame kBuiltin{"RegExp.prototype.test", ""};
const StackFrame kInternal{"readFileSync", "node:fs", 450, 20, true};

StackFrame own(const std::string& function, int line) {
  return {function, "/srv/app.js", line, 3, true};
}

}  // namespace

TEST_CASE("the function to look at is the innermost of the program's own") {
  CHECK(own_frame({}) == nullptr);
  CHECK(own_frame({kBuiltin})->function == "RegExp.prototype.test");
  CHECK(own_frame({kBuiltin, kInternal})->function == "readFileSync");
  CHECK(own_frame({kBuiltin, kInternal, own("load", 7), own("main", 9)})->function == "load");
}

TEST_CASE("a block has the function with the most samples, at the line that most of those had") {
  BlockProfile profile;
  CHECK_FALSE(profile.function());
  CHECK(profile.phase().empty());
  for (const int line : {7, 8, 8, 9}) profile.add({{kInternal, own("load", line)}, "timers"});
  profile.add({{own("parse", 30)}, "poll"});
  profile.add({{}, "timers", VmState::garbage_collector});
  profile.drop();
  const auto function = profile.function();
  REQUIRE(function);
  CHECK(function->frame == own("load", 8));
  CHECK(function->share == 0.8);
  REQUIRE(function->stack.size() == 2);
  CHECK(function->stack[0] == kInternal);
  CHECK(function->stack[1].line == 7);
  CHECK(profile.phase() == "timers");
  CHECK(profile.samples() == 6);
  CHECK(profile.dropped() == 1);
  CHECK(profile.gc_share() == Approx(1.0 / 6));
}

TEST_CASE("functions of one name in two files are two, and any number of them stays small") {
  BlockProfile profile;
  profile.add({{StackFrame{"run", "/a.js", 1, 1, true}}, ""});
  profile.add({{StackFrame{"run", "/b.js", 1, 1, true}}, ""});
  profile.add({{StackFrame{"run", "/b.js", 1, 1, true}}, ""});
  CHECK(profile.function()->frame.file == "/b.js");
  for (int i = 0; i < 10'000; ++i) profile.add({{own("f" + std::to_string(i), 1)}, ""});
  CHECK(profile.samples() == 10'003);
  CHECK(profile.function()->frame.file == "/b.js");
}

TEST_CASE("a function of evaluated text isn't one of the file that evaluated it") {
  BlockProfile profile;
  const StackFrame evaluated{"", "/a.js", 9, 1, false, true};
  profile.add({{StackFrame{"", "/a.js", 9, 1, true}}, ""});
  for (int i = 0; i < 2; ++i) profile.add({{evaluated}, ""});
  REQUIRE(profile.functions().size() == 2);
  CHECK(profile.function()->frame == evaluated);
  CHECK(profile.function()->samples == 2);
  CHECK(BlockProfile(profile.kept(2)).function()->frame == evaluated);
}

TEST_CASE("what is kept of a profile tells the same again") {
  BlockProfile profile;
  for (const int line : {7, 8, 8})
    profile.add({{kInternal, own("load", line)}, "timers", VmState::garbage_collector});
  for (int i = 0; i < 2; ++i) profile.add({{own("parse", 30)}, "poll"});
  profile.add({{own("rare", 1)}, "poll"});
  profile.add({{}, ""});
  profile.drop();
  const BlockProfile again(profile.kept(2));
  CHECK(again.samples() == profile.samples());
  CHECK(again.dropped() == 1);
  CHECK(again.gc_share() == profile.gc_share());
  CHECK(again.phase() == profile.phase());
  REQUIRE(again.functions().size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(again.functions()[i].frame == profile.functions()[i].frame);
    CHECK(again.functions()[i].share == profile.functions()[i].share);
    CHECK(again.functions()[i].of == 6);
    CHECK(again.functions()[i].stack == profile.functions()[i].stack);
  }
}

}  // namespace timeslice::model
