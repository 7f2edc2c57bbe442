// SPDX-License-Identifier: MIT
// Which part of a cell had each thread, and how did it leave its core there?
#include "model/lanes.h"

#include "tests/catch.h"

namespace timeslice::model {

namespace {

Slice made(uint32_t thread, uint16_t cpu, uint64_t begin_ns, uint64_t end_ns, uint64_t wait_ns = 0,
           uint16_t leaving = TS_LEAVING_SLEEP) {
  Slice slice;
  slice.thread = thread;
  slice.cpu = cpu;
  slice.begin_ns = begin_ns;
  slice.end_ns = end_ns;
  slice.wait_ns = wait_ns;
  slice.leaving = leaving;
  slice.voluntary = leaving != TS_LEAVING_RUNNABLE;
  return slice;
}

}  // namespace

TEST_CASE("a slice is divided among the cells that it touches, and so is its wait") {
  Lanes lanes(1000, 2000, 10);
  lanes.slice(made(0, 1, 1150, 1320, 80));
  REQUIRE(lanes.cores().size() == 2);
  CHECK(lanes.cores()[0].empty());
  CHECK(lanes.cores()[1][0].empty());
  CHECK(lanes.cores()[1][1].at(0).ns == 50);
  CHECK(lanes.cores()[1][2].at(0).ns == 100);
  CHECK(lanes.cores()[1][3].at(0).ns == 20);
  const std::vector<Lanes::Part>& parts = lanes.threads().at(0);
  REQUIRE(parts.size() == 4);
  CHECK(parts[0].cell == 0);
  CHECK(parts[0].ready_ns == 30);
  CHECK(parts[1].ready_ns == 50);
  CHECK(parts[1].oncpu_ns == 50);
  CHECK(parts[3].cell == 3);
  CHECK(parts[3].oncpu_ns == 20);
}

TEST_CASE("of several slices in a cell the last one decides how the thread left") {
  Lanes lanes(0, 1000, 1);
  lanes.slice(made(0, 0, 100, 200));
  lanes.slice(made(1, 0, 200, 300));
  Slice last = made(0, 0, 300, 1000, 0, TS_LEAVING_RUNNABLE);
  last.end_cut = true;
  lanes.slice(last);
  const std::vector<Lanes::Share>& cell = lanes.cores()[0][0];
  REQUIRE(cell.size() == 2);
  CHECK(cell[0].ns == 800);
  CHECK(cell[0].leaving == TS_LEAVING_RUNNABLE);
  CHECK_FALSE(cell[0].voluntary);
  CHECK(cell[0].cut);
  CHECK(cell[1].ns == 100);
  CHECK(cell[1].leaving == TS_LEAVING_SLEEP);
  CHECK(cell[1].voluntary);
  CHECK_FALSE(cell[1].cut);
}

TEST_CASE("what is outside the window is omitted, and the last cell ends with it") {
  Lanes lanes(1000, 1010, 3);
  lanes.slice(made(0, 0, 900, 1100, 50));
  uint64_t sum_ns = 0;
  for (const Lanes::Part& part : lanes.threads().at(0)) {
    sum_ns += part.oncpu_ns;
    CHECK(part.ready_ns == 0);
  }
  CHECK(sum_ns == 10);
}

TEST_CASE("a wait still open at the window's end is in the lane") {
  Lanes lanes(0, 100, 2);
  lanes.waiting(made(2, 0, 100, 100, 30));
  CHECK(lanes.threads().at(2).at(0).cell == 1);
  CHECK(lanes.threads().at(2).at(0).ready_ns == 30);
  CHECK(lanes.cores().empty());
}

}  // namespace timeslice::model
