// SPDX-License-Identifier: MIT
// Is an offset in a script's text told as line and column, as V8 would, and is a script known
// again?
#include "runtime/v8_scripts.h"

#include "tests/catch.h"
#include "tests/unit/made_heap.h"

using namespace timeslice::runtime;

namespace {

struct Scripts {
  std::shared_ptr<const V8Script> find(uint64_t script, uint64_t isolate = 1) {
    V8Heap view(pages, made.at);
    return known.find(view, V8Object{script, made.at.types.script}, isolate);
  }
  std::string place(uint64_t script, int offset) {
    const V8Place place = find(script)->place(offset);
    return std::to_string(place.line) + ":" + std::to_string(place.column);
  }
  made_heap::Pages pages;
  made_heap::Heap made{pages};
  V8Scripts known;
};

}  // namespace

TEST_CASE("lines are counted in a script's text", "[v8]") {
  Scripts s;
  const uint64_t script = s.made.script(1, "a.js", "ab\ncd\n\nef");
  CHECK(s.place(script, 0) == "1:1");
  CHECK(s.place(script, 2) == "1:3");  // the line's end is still of it
  CHECK(s.place(script, 3) == "2:1");
  CHECK(s.place(script, 6) == "3:1");
  CHECK(s.place(script, 8) == "4:2");
  CHECK(s.place(script, 9) == "4:3");
  CHECK(s.place(script, 10) == "0:0");
  CHECK(s.place(script, -1) == "0:0");
}

TEST_CASE("all of JavaScript's line ends count", "[v8]") {
  Scripts s;
  const uint64_t mixed = s.made.script(1, "a.js", "a\r\nb\rc\nd\r");
  CHECK(s.place(mixed, 3) == "2:1");
  CHECK(s.place(mixed, 5) == "3:1");
  CHECK(s.place(mixed, 7) == "4:1");
  CHECK(s.place(mixed, 9) == "5:1");
  const uint64_t wide = s.made.script(2, "b.js", "");
  s.made.set(wide, s.made.at.scripts.source, s.made.wide(u"a\u2028b\u2029c\nd"));
  CHECK(s.place(wide, 4) == "3:1");
  CHECK(s.place(wide, 6) == "4:1");
  // A pair that two pieces of the text share is one end.
  const uint64_t pieces = s.made.script(3, "c.js", "");
  s.made.set(pieces, s.made.at.scripts.source,
             s.made.cons(s.made.text("a\r"), s.made.text("\nb"), 4));
  CHECK(s.place(pieces, 3) == "2:1");
}

TEST_CASE("what V8 has counted is believed, unless it goes backwards", "[v8]") {
  using made_heap::small;
  Scripts s;
  const uint64_t script = s.made.script(1, "a.js", "ab\ncd\n\nef");
  s.made.set(script, s.made.at.scripts.line_ends, s.made.fixed_array({small(4), small(9)}));
  CHECK(s.place(script, 5) == "2:1");
  const uint64_t forged = s.made.script(2, "b.js", "ab\ncd\n\nef");
  s.made.set(forged, s.made.at.scripts.line_ends, s.made.fixed_array({small(9), small(4)}));
  CHECK(s.place(forged, 5) == "2:3");
  // A script may begin at another line of its file.
  const uint64_t later = s.made.script(3, "c.html", "ab\ncd");
  s.made.set(later, s.made.at.scripts.line_offset, small(100));
  CHECK(s.place(later, 3) == "102:1");
}

TEST_CASE("a script that has moved is known again, another is not taken for it", "[v8]") {
  Scripts s;
  const uint64_t script = s.made.script(1, "a.js", "ab\ncd");
  const auto first = s.find(script);
  CHECK(s.find(s.made.script(1, "a.js", "ab\ncd")) == first);
  CHECK(s.find(script, 2) != first);  // in another isolate
  CHECK(s.find(s.made.script(1, "b.js", "ab\ncd")) != first);
  CHECK(s.find(s.made.script(1, "a.js", "longer text")) != first);
  CHECK(s.find(s.made.script(2, "a.js", "ab\ncd")) != first);
}

TEST_CASE("a text beyond all measure has no lines", "[v8]") {
  Scripts s;
  const uint64_t script = s.made.script(1, "a.js", "ab");
  s.made.set(script, s.made.at.scripts.source, s.made.external(0x100000000, 1 << 28));
  REQUIRE(s.find(script));
  CHECK(s.find(script)->name == "a.js");
  CHECK(s.place(script, 1) == "0:0");
}
