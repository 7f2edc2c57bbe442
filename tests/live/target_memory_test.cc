// SPDX-License-Identifier: MIT
// Are the parts of another process's memory read in one call what they are one by one?
#include "observe/target_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <numeric>
#include <vector>

#include "tests/catch.h"

namespace timeslice::observe {

TEST_CASE("parts of a process's memory are read together, all of them or none") {
  std::array<uint64_t, 20> numbers;
  std::iota(numbers.begin(), numbers.end(), 100);
  TargetMemory memory(static_cast<uint32_t>(getpid()));
  std::array<uint64_t, 20> read{};
  std::vector<MemoryPart> parts;
  for (size_t i = 0; i < numbers.size(); ++i)  // from behind, and more than one call takes
    parts.push_back({reinterpret_cast<uint64_t>(&numbers[numbers.size() - 1 - i]), &read[i], 8});
  REQUIRE(memory.read_parts(parts));
  CHECK(std::equal(read.begin(), read.end(), numbers.rbegin()));
  CHECK(memory.read_parts({}));

  void* const page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(page != MAP_FAILED);
  for (const size_t broken : {size_t{0}, size_t{7}, size_t{19}}) {
    std::vector<MemoryPart> torn = parts;
    torn[broken].address = reinterpret_cast<uint64_t>(page);
    CHECK_FALSE(memory.read_parts(torn));
  }
  munmap(page, 4096);
}

}  // namespace timeslice::observe
