// SPDX-License-Identifier: MIT
// Are a terminal's own strings sent as they are meant, without what only tells how long to wait?
#include "view/screen/terminal_rescue.h"

#include "tests/catch.h"

using timeslice::view::without_padding;

TEST_CASE("delay marks aren't sent to a terminal, everything else is") {
  CHECK(without_padding("\033[?1049l") == "\033[?1049l");
  CHECK(without_padding("\033[m\017$<2>") == "\033[m\017");
  CHECK(without_padding("a$<5/>b$<100*>c") == "abc");
  CHECK(without_padding("$5 $< 1") == "$5 $< 1");
  CHECK(without_padding("").empty());
}
