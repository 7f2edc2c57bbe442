// SPDX-License-Identifier: MIT
// Is what a process has mapped read right, and how much of it at most? This program's own mappings
// are read here, and then very many with long names.
#include "observe/process_maps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/unique_fd.h"
#include "tests/catch.h"

using namespace timeslice;
using observe::Mapping;
using observe::read_maps;

namespace {

constexpr size_t kPage = 4096;

// Its path is of some 1,000 bytes, with blanks in it.
struct MappedFile {
  MappedFile() {
    char made[] = "/tmp/timeslice-maps-XXXXXX";
    if (mkdtemp(made) == nullptr) throw std::runtime_error("mkdtemp");
    root = made;
    path = root + "/a b";
    for (int depth = 0; depth < 4; ++depth) path += "/" + std::string(240, 'd');
    std::filesystem::create_directories(path);
    path += "/file ";
    fd = UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (ftruncate(fd.get(), 4 * kPage) != 0) throw std::runtime_error("ftruncate");
  }
  ~MappedFile() {
    std::error_code error;
    std::filesystem::remove_all(root, error);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] void* map(void* at, int flags, size_t pages, size_t offset) const {
    return mmap(at, pages * kPage, PROT_READ, MAP_SHARED | flags, fd.get(),
                static_cast<off_t>(offset * kPage));
  }

  std::string root, path;
  UniqueFd fd;
};

// Mappings of a file's same page side by side, which the kernel can't join. False: it doesn't allow
// so many.
bool map_many(const MappedFile& file, char* place, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (file.map(place + i * kPage, MAP_FIXED, 1, 0) == MAP_FAILED) return false;
  return true;
}

uint64_t address(const void* at) { return reinterpret_cast<uint64_t>(at); }

}  // namespace

TEST_CASE("a mapping has its bounds, its place in the file, the file's inode and its path") {
  const MappedFile file;
  const void* at = file.map(nullptr, 0, 2, 1);
  REQUIRE(at != MAP_FAILED);
  struct stat status {};
  REQUIRE(fstat(file.fd.get(), &status) == 0);
  int found = 0, without_file = 0;
  for (const Mapping& map : read_maps(static_cast<uint32_t>(getpid()))) {
    if (map.inode == 0) ++without_file;
    if (map.path == "[stack]") CHECK((address(&found) >= map.start && address(&found) < map.end));
    if (map.start != address(at)) continue;
    ++found;
    CHECK(map.end == map.start + 2 * kPage);
    CHECK(map.offset == kPage);
    CHECK(map.inode == status.st_ino);
    CHECK(map.path == file.path);
  }
  CHECK(found == 1);
  CHECK(without_file > 0);
}

TEST_CASE("no mapping is read of a process with 40 MB of them, all of one with fewer") {
  const MappedFile file;
  constexpr size_t kMany = 40'000, kFew = 5'000;
  auto* place = static_cast<char*>(
      mmap(nullptr, kMany * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(place != MAP_FAILED);
  const auto self = static_cast<uint32_t>(getpid());
  REQUIRE(map_many(file, place, kFew));
  size_t seen = 0;
  for (const Mapping& map : read_maps(self)) seen += map.path == file.path ? 1 : 0;
  CHECK(seen == kFew);
  if (!map_many(file, place + kFew * kPage, kMany - kFew))
    SKIP_TEST("the kernel doesn't allow so many mappings");
  CHECK(read_maps(self).empty());
  munmap(place, kMany * kPage);
  CHECK_FALSE(read_maps(self).empty());
}

TEST_CASE("a process that doesn't exist has no mappings") { CHECK(read_maps(UINT32_MAX).empty()); }
