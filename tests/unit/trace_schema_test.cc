// SPDX-License-Identifier: MIT
// Is docs/timeslice.proto, with which others decode our messages, what the tables say?
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/catch.h"
#include "trace/tables.h"

using namespace timeslice;
using namespace timeslice::trace;

namespace {

using Lines = std::set<std::string>;

// The fields of a message of the schema, without comments.
Lines published(const std::string& message) {
  std::ifstream file("docs/timeslice.proto");
  REQUIRE(file);
  Lines lines;
  bool ours = false, inside = false;
  for (std::string line; std::getline(file, line);) {
    ours |= line.find("---- ours") != std::string::npos;
    line = line.substr(0, line.find("//"));
    line.erase(line.find_last_not_of(' ') + 1);
    line.erase(0, line.find_first_not_of(' '));
    if (inside && line == "}") break;
    if (inside && !line.empty()) lines.insert(line);
    inside |= ours && line == "message " + message + " {";
  }
  return lines;
}

template <typename... Tables>
Lines all(const Tables&... tables) {
  Lines lines;
  (lines.insert(tables.begin(), tables.end()), ...);
  return lines;
}

}  // namespace

TEST_CASE("the published schema has the fields of the tables") {
  using namespace table;
  CHECK(published("Header") == all(schema_of<Header>(kHeader)));
  CHECK(published("Row") == all(schema_of<ts_thread_row>(kRow)));
  CHECK(published("Role") == all(schema_of<RoleNote>(kRole)));
  CHECK(published("Runtime") == all(schema_of<RuntimeNote>(kRuntime)));
  CHECK(published("Loop") == all(schema_of<LoopNote>(kLoop)));
  CHECK(published("LoopProcess") == all(schema_of<LoopProcessNote>(kLoopProcess)));
  CHECK(published("LoopStretch") == all(schema_of<LoopStretchNote>(kLoopStretch)));
  CHECK(published("Frame") == all(schema_of<FrameNote>(kFrame)));
  CHECK(published("LoopFunction") ==
        all(schema_of<LoopFunctionNote>(kLoopFunction),
            Lines{"optional Frame frame = 1;", "repeated Frame stack = 3;"}));
  CHECK(published("LoopBlock") ==
        all(schema_of<LoopBlockNote>(kLoopBlock), Lines{"repeated LoopFunction function = 13;"}));
  CHECK(published("PoolStretch") == all(schema_of<PoolStretchNote>(kPoolStretch)));
  CHECK(published("LoopTrouble") == all(schema_of<LoopTroubleNote>(kLoopTrouble)));
  CHECK(published("Ring") == all(schema_of<RingNote>(kRing)));
  CHECK(published("RingOp") == all(schema_of<RingOpNote>(kRingOp)));
  CHECK(published("RingStretch") ==
        all(schema_of<RingStretchNote>(kRingStretch), Lines{"repeated RingOp op = 6;"}));
  CHECK(published("RingThreads") == all(schema_of<RingThreadsNote>(kRingThreads)));
  CHECK(published("RingTrust") == all(schema_of<RingTrustNote>(kRingTrust)));
  CHECK(published("Closing") == all(schema_of<Closing>(kClosing)));
  CHECK(published("Rare") == all(schema_of<ts_event>(kRare),
                                 schema_of<ts_event_identity>(kIdentity),
                                 schema_of<ts_event_exit>(kExit), schema_of<ts_event_lost>(kLost)));
}
