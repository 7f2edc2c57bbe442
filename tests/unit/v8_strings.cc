// SPDX-License-Identifier: MIT
// Are strings of every kind read, and what do those become that contradict themselves?
#include "runtime/v8_strings.h"

#include "tests/catch.h"
#include "tests/unit/made_heap.h"

using namespace timeslice::runtime;
using namespace std::string_literals;

namespace {

struct Strings {
  std::optional<std::string> read(uint64_t string, uint32_t most = 1000) {
    V8Heap view(pages, made.at);
    return read_string(view, string, most);
  }
  made_heap::Pages pages;
  made_heap::Heap made{pages};
};

}  // namespace

TEST_CASE("strings of one byte a character are Latin-1, of two UTF-16", "[v8]") {
  Strings s;
  CHECK(s.read(s.made.text("plain")) == "plain");
  CHECK(s.read(s.made.text("")) == "");
  CHECK(s.read(s.made.text("caf\xe9")) == "caf\xc3\xa9");
  CHECK(s.read(s.made.wide(u"\u00e9 \u20ac \U0001f600")) == "é € 😀");
  // Halves of a pair: alone, at the end, in the wrong order.
  CHECK(s.read(s.made.wide({u'a', 0xd83d, u'b'})) ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(s.read(s.made.wide({0xd83d})) == "\xef\xbf\xbd");
  CHECK(s.read(s.made.wide({0xde00, 0xd83d})) == "\xef\xbf\xbd\xef\xbf\xbd");
  // Nothing is taken out: whoever shows it does that.
  CHECK(s.read(s.made.text("a\n\x1b[2J\0b"s)) == "a\n\x1b[2J\0b"s);
}

TEST_CASE("strings made of others are read through them", "[v8]") {
  Strings s;
  const uint64_t hello = s.made.text("hello "), world = s.made.wide(u"w\u00f6rld");
  const uint64_t both = s.made.cons(hello, world, 11);
  CHECK(s.read(both) == "hello wörld");
  CHECK(s.read(s.made.thin(both, 11)) == "hello wörld");
  CHECK(s.read(s.made.sliced(both, 4, 4)) == "o wö");
  CHECK(s.read(s.made.cons(both, both, 22)) == "hello wörldhello wörld");
  s.pages.put(0x500000, "elsewhere", 9);
  CHECK(s.read(s.made.external(0x500000, 9)) == "elsewhere");
  CHECK(s.read(s.made.sliced(s.made.external(0x500000, 9), 4, 5)) == "where");
}

TEST_CASE("a long string is cut, and only what is shown of it is read", "[v8]") {
  Strings s;
  const uint64_t longest = s.made.text(std::string(1 << 20, 'x'));
  s.pages.bytes_read = 0;
  CHECK(s.read(longest, 10) == std::string(10, 'x'));
  CHECK(s.read(s.made.cons(longest, longest, 2 << 20), 10) == std::string(10, 'x'));
  CHECK(s.pages.bytes_read < 1000);
}

TEST_CASE("a string that contradicts itself has no text", "[v8]") {
  Strings s;
  const uint64_t five = s.made.text("12345");
  CHECK_FALSE(s.read(s.made.cons(five, five, 11)));  // longer than its parts
  CHECK_FALSE(s.read(s.made.sliced(five, 3, 3)));    // beyond its parent's end
  CHECK_FALSE(s.read(s.made.sliced(five, 0x7fffffff, 1)));
  CHECK_FALSE(s.read(s.made.thin(five, 6)));
  CHECK_FALSE(s.read(s.made.external(0x600000, 5)));  // not mapped
  CHECK_FALSE(s.read(s.made.external(~uint64_t{0} - 3, 5)));
  CHECK_FALSE(s.read(s.made.fixed_array({1, 2})));  // no string
  CHECK_FALSE(s.read(made_heap::small(5)));
  CHECK_FALSE(s.read(0x700001));
  const uint64_t endless = s.made.text("x");
  s.pages.put(endless - 1 + s.made.at.strings.length, ~uint32_t{0});
  CHECK_FALSE(s.read(endless));
  // Its characters are behind a pointer of C++'s that the string doesn't have.
  const uint64_t unknown = s.made.string(2 | 8 | 16, 4, 16);
  CHECK_FALSE(s.read(unknown));
}

TEST_CASE("a string made of itself ends", "[v8]") {
  Strings s;
  const uint64_t loop = s.made.cons(0, 0, 100);
  s.made.set(loop, 16, loop);
  s.made.set(loop, 24, s.made.text(""));
  CHECK_FALSE(s.read(loop));
  const uint64_t thin = s.made.thin(0, 5);
  s.made.set(thin, 16, thin);
  CHECK_FALSE(s.read(thin));
  // As deep as nobody's: thousands of joined ones.
  uint64_t deep = s.made.text("a");
  for (uint32_t i = 2; i < 5000; ++i) deep = s.made.cons(deep, s.made.text("a"), i);
  CHECK_FALSE(s.read(deep));
}
