// SPDX-License-Identifier: MIT
// Is what the tool writes its owner's alone, does a planted link lead it nowhere, and does what was
// there before outlive what fails?
#include "base/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/failure.h"
#include "tests/catch.h"

using namespace timeslice;

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

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a new file is readable by its owner only, even if it replaces a world-readable one") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  const mode_t before = umask(0);
  write_private(path, "one and more", Earlier::refuse);
  umask(before);
  CHECK(mode_of(path) == 0600);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  write_private(path, "two", Earlier::replace);
  CHECK(mode_of(path) == 0600);
  CHECK(text_of(path) == "two");
  CHECK(names_in(scratch.path) == Names{"f"});
}

TEST_CASE("an earlier file stays, is kept as .old, or is replaced, as requested") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  write_private(path, "one", Earlier::keep_as_old);
  CHECK_THROWS_WITH(write_private(path, "two", Earlier::refuse),
                    "cannot write " + path + ": it exists; use --force to replace it");
  CHECK(text_of(path) == "one");
  write_private(path, "two", Earlier::keep_as_old);
  CHECK(text_of(path) == "two");
  CHECK(text_of(path + ".old") == "one");
  write_private(path, "three", Earlier::replace);
  CHECK(text_of(path) == "three");
  CHECK(text_of(path + ".old") == "one");
  CHECK(names_in(scratch.path) == Names{"f", "f.old"});
}

TEST_CASE("a file that isn't completed leaves everything unchanged") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  write_private(path, "one", Earlier::refuse);
  for (const auto earlier : {Earlier::replace, Earlier::keep_as_old}) {
    const NewFile file(path, earlier);
    file.write("half");
    CHECK(mode_of(path) == 0600);
    CHECK(text_of(path) == "one");
  }
  CHECK(names_in(scratch.path) == Names{"f"});
}

TEST_CASE("an earlier file that can't be kept as .old is reported before anything starts") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  REQUIRE(::mkdir((path + ".old").c_str(), 0700) == 0);
  write_private(path, "one", Earlier::keep_as_old);  // nothing is there to be kept
  CHECK_THROWS_AS(NewFile(path, Earlier::keep_as_old), Failure);
  CHECK(text_of(path) == "one");
  CHECK(names_in(scratch.path) == Names{"f", "f.old"});
}

TEST_CASE("a file that appears meanwhile isn't overwritten") {
  const Scratch scratch;
  const std::string path = scratch.path + "/f";
  {
    NewFile file(path, Earlier::refuse);
    file.write("ours");
    write_private(path, "theirs", Earlier::refuse);
    CHECK_THROWS_WITH(file.take_place(), Catch::Contains("it exists"));
  }
  CHECK(text_of(path) == "theirs");
  CHECK(names_in(scratch.path) == Names{"f"});
}

TEST_CASE("a link in a file's place is refused, and its target unchanged") {
  const Scratch scratch;
  const std::string target = scratch.path + "/precious", link = scratch.path + "/link";
  write_private(target, "precious", Earlier::refuse);
  REQUIRE(::symlink(target.c_str(), link.c_str()) == 0);
  for (const auto earlier : {Earlier::refuse, Earlier::replace, Earlier::keep_as_old})
    CHECK_THROWS_WITH(write_private(link, "new", earlier),
                      "cannot write " + link + ": it is a symbolic link; name its target instead");
  CHECK(text_of(target) == "precious");
  REQUIRE(::unlink(target.c_str()) == 0);  // leads nowhere: it would make what it leads to
  CHECK_THROWS_AS(write_private(link, "new", Earlier::replace), Failure);
  CHECK(names_in(scratch.path) == Names{"link"});
}

TEST_CASE("a link or a FIFO that comes meanwhile is neither replaced nor kept as an earlier file") {
  for (const auto earlier : {Earlier::replace, Earlier::keep_as_old}) {
    const Scratch scratch;
    const std::string link = scratch.path + "/link", fifo = scratch.path + "/fifo";
    NewFile to_link(link, earlier), to_fifo(fifo, earlier);
    REQUIRE(::symlink("elsewhere", link.c_str()) == 0);
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    CHECK_THROWS_WITH(to_link.take_place(), Catch::Contains("it is a symbolic link"));
    CHECK_THROWS_WITH(to_fifo.take_place(), Catch::Contains("it is not a regular file"));
    CHECK(std::filesystem::is_symlink(link));
    CHECK(std::filesystem::is_fifo(fifo));
  }
}

TEST_CASE(
    "a FIFO without a reader and a directory are refused immediately, a full device with its "
    "error") {
  const Scratch scratch;
  const std::string fifo = scratch.path + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const std::string& path : {fifo, scratch.path})
    CHECK_THROWS_WITH(write_private(path, "x", Earlier::replace),
                      "cannot write " + path + ": it is not a regular file");
  CHECK_THROWS_AS(write_private("/dev/full", "x", Earlier::refuse), NoRoom);
  CHECK_THROWS_WITH(write_private("/dev/full", "x", Earlier::refuse),
                    "cannot write /dev/full: No space left on device");
  write_private("/dev/null", "x", Earlier::refuse);
  CHECK(names_in(scratch.path) == Names{"fifo"});
}
