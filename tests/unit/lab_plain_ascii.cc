// SPDX-License-Identifier: MIT
#include "labs/plain_ascii.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/catch.h"

namespace timeslice::labs {

TEST_CASE("what a lab shows keeps its shape in ASCII") {
  CHECK(plain_ascii("a ▆░ b") == "a #. b");
  CHECK(plain_ascii("┌─▼") == "+-v");
  CHECK(plain_ascii("and so on…") == "and so on...");
  CHECK(plain_ascii("é") == "?");
  CHECK(plain_ascii("\xe2") == "?");
  CHECK(plain_ascii("").empty());
}

TEST_CASE("no lab's page or picture has a character that ASCII has nothing similar to") {
  for (const auto& entry : std::filesystem::recursive_directory_iterator("userland/labs")) {
    const std::string extension = entry.path().extension();
    if (extension != ".md" && entry.path().filename() != "measure.cc") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    CAPTURE(entry.path().string());
    const std::string plain = plain_ascii(text);
    CHECK(std::count(plain.begin(), plain.end(), '?') == std::count(text.begin(), text.end(), '?'));
  }
}

}  // namespace timeslice::labs
