// SPDX-License-Identifier: MIT
// Is what the tool writes its owner's alone, and does a planted link lead it nowhere?
#include "tools/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/failure.h"
#include "tests/catch.h"

using namespace timeslice;
using tools::write_private;

namespace {

struct Scratch {
  Scratch() {
    char made[] = "/tmp/timeslice-private-XXXXXX";
    if (mkdtemp(made) == nullptr) throw std::runtime_error("mkdtemp");
    path = made;
  }
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path;
};

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

}  // namespace

TEST_CASE("a file that the tool makes is its owner's alone, and one that is there keeps its mode") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  const mode_t before = umask(0);
  write_private(path, "one and more", /*follow_link=*/false);
  umask(before);
  CHECK(mode_of(path) == 0600);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  write_private(path, "two", /*follow_link=*/false);
  CHECK(mode_of(path) == 0640);
  CHECK(text_of(path) == "two");
}

TEST_CASE("a link in a recording's place is refused in a sentence, and what it leads to is whole") {
  const Scratch scratch;
  const std::string target = scratch.path + "/precious", link = scratch.path + "/link";
  write_private(target, "precious", /*follow_link=*/false);
  REQUIRE(::symlink(target.c_str(), link.c_str()) == 0);
  CHECK_THROWS_WITH(write_private(link, "new", /*follow_link=*/false),
                    "cannot write " + link + ": it is a symbolic link; name the file it leads to");
  CHECK(text_of(target) == "precious");
  write_private(link, "a page", /*follow_link=*/true);
  CHECK(text_of(target) == "a page");
}
