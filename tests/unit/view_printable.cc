// SPDX-License-Identifier: MIT
// Does text of any bytes keep its columns straight: cut between characters, never wider than its
// cell, and with each broken byte shown as one?
#include "view/format/printable.h"

#include <clocale>
#include <string>

#include "tests/catch.h"

using namespace timeslice;

namespace {

// Which characters can be shown, and how wide they are, is the locale's to say.
class Utf8 {
 public:
  Utf8() : before_(std::setlocale(LC_CTYPE, nullptr)) {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
  }
  ~Utf8() { std::setlocale(LC_CTYPE, before_.c_str()); }
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

 private:
  std::string before_;
};

std::string printable(std::string_view text) {
  view::Scratch scratch;
  return std::string(view::printable(text, scratch));
}

}  // namespace

TEST_CASE("a wide character that doesn't fit at the edge is left out whole") {
  const Utf8 locale;
  const std::string text = "ab漢字z";
  REQUIRE(view::display_width(text) == 7);
  const std::string fitting[] = {"", "a", "ab", "ab", "ab漢", "ab漢", "ab漢字", text, text};
  for (size_t width = 0; width < std::size(fitting); ++width) {
    CAPTURE(width);
    CHECK(view::clipped(text, width) == fitting[width]);
  }
}

TEST_CASE("a broken character is one '?' for each of its bytes, and the next one stays") {
  const Utf8 locale;
  CHECK(printable("\xc3[b") == "?[b");
  CHECK(printable("\xe6\xbc[b") == "??[b");
  CHECK(printable("\xf0\x9f\x98[b") == "???[b");
  CHECK(printable("\xe6\xbcé") == "??é");
  CHECK(printable("\xc3") == "?");
  std::string sentence = "x";
  view::append_printable(sentence, "\xc3(漢");
  CHECK(sentence == "x?(漢");
}
