// SPDX-License-Identifier: MIT
// Does a flight recorder's memory hold the seconds that were asked for, as the whole beginning of a
// file, and let go of what is older?
#include "record/flight_ring.h"

#include "tests/catch.h"

using timeslice::record::FlightRing;

TEST_CASE("a flight recorder's file begins with who was there, and has all events from then on") {
  FlightRing ring(100);
  ring.begin(0, "[a]", {});
  ring.append("1");
  ring.append("2");
  CHECK(ring.bytes() == "[a]12");
  ring.begin(50, "[b]", {});
  ring.append("3");
  CHECK(ring.bytes() == "[a]123");  // whoever came since is in the events
  CHECK(ring.size() == 9);
}

TEST_CASE("a segment of a flight recorder goes once the ones after it are long enough") {
  FlightRing ring(100);
  ring.begin(0, "[a]", {});
  ring.append("1");
  ring.begin(50, "[b]", {});
  ring.append("2");
  ring.begin(149, "[c]", {});  // from 50 on it would be 99
  CHECK(ring.begin_ns() == 0);
  ring.append("3");
  ring.begin(150, "[d]", {});
  CHECK(ring.begin_ns() == 50);
  CHECK(ring.bytes() == "[b]23");
  CHECK(ring.size() == 11);
}

TEST_CASE("after a pause a flight recorder lets go of all segments that are too old at once") {
  FlightRing ring(100);
  for (const uint64_t moment_ns : {0, 50, 100, 5000}) ring.begin(moment_ns, "[x]", {});
  CHECK(ring.begin_ns() == 100);  // up to 5000 nothing else is known
  ring.begin(5100, "[y]", {});
  CHECK(ring.begin_ns() == 5000);
}
