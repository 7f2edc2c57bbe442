// SPDX-License-Identifier: MIT
// Is every lost record told once, on the side of the cut that it was lost on?
#include "model/losses.h"

#include "record/flight_ring.h"
#include "tests/catch.h"
#include "tests/unit/events.h"

namespace timeslice::model {

using Counts = std::vector<uint64_t>;

TEST_CASE("lost records: what their CPU has reported isn't reported again at a cut") {
  Losses losses(2);
  CHECK(losses.take(made_up::lost(1, 1, 7)) == 7);
  CHECK(losses.cut({0, 7}) == Counts{0, 0});
}

TEST_CASE("lost records: a gap that is open at a cut is reported there, and only its rest later") {
  Losses losses(2);
  CHECK(losses.take(made_up::lost(1, 0, 3)) == 3);
  CHECK(losses.cut({8, 2}) == Counts{5, 2});
  CHECK(losses.cut({8, 4}) == Counts{0, 2});        // open at the next cut as well
  CHECK(losses.take(made_up::lost(2, 0, 9)) == 4);  // 5 of them were before the cut
  CHECK(losses.take(made_up::lost(3, 1, 4)) == 0);  // all were
  CHECK(losses.cut({12, 4}) == Counts{0, 0});
  CHECK(losses.take(made_up::lost(4, 0, 1)) == 1);
}

TEST_CASE("lost records: unknown CPUs are counted as they report") {
  Losses losses(1);
  CHECK(losses.take(made_up::lost(1, 5, 3)) == 3);
  CHECK(losses.cut({}) == Counts{0});
}

TEST_CASE("lost records: losses before a flight recorder's window aren't counted") {
  record::FlightRing ring(100);
  ring.begin(0, "a", {0, 0});
  ring.begin(90, "b", {5, 0});
  CHECK(ring.lost_before() == Counts{0, 0});
  ring.begin(200, "c", {5, 2});
  CHECK(ring.begin_ns() == 90);
  CHECK(ring.lost_before() == Counts{5, 0});
}

}  // namespace timeslice::model
