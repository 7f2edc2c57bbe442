// SPDX-License-Identifier: MIT
// Is a mapped array the map itself, for as long as it lives and no longer?
#include "observe/mapped_array.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/failure.h"
#include "bpf/wire.h"
#include "count.skel.h"
#include "observe/pass_skeleton.h"
#include "tests/catch.h"
#include "tests/live/processes.h"

namespace timeslice::live {

namespace {

auto loaded() {
  return observe::load_pass<count_bpf>("count mode", {}, [](count_bpf&) {});
}

// Does a mapping begin at this address?
bool is_mapped(const void* begin) {
  const std::string start = fmt::format("{:x}-", reinterpret_cast<uintptr_t>(begin));
  for (const std::string& line : lines_of(read_file("/proc/self/maps")))
    if (line.starts_with(start)) return true;
  return false;
}

}  // namespace

TEST_CASE("a mapped array is the map's memory, and is unmapped with its owner") {
  const auto skeleton = loaded();
  std::optional<observe::MappedArray<volatile ts_core_row>> cores(skeleton->maps.cores);
  REQUIRE(cores->size() == bpf_map__max_entries(skeleton->maps.cores));
  const uint32_t last = cores->size() - 1;
  ts_core_row row{};
  for (const uint64_t busy_ns : {71, 72}) {
    row.busy_ns = busy_ns;
    REQUIRE(bpf_map_update_elem(bpf_map__fd(skeleton->maps.cores), &last, &row, BPF_ANY) == 0);
    CHECK((*cores)[last].busy_ns == busy_ns);
  }
  const void* begin = const_cast<const ts_core_row*>(&(*cores)[0]);
  CHECK(is_mapped(begin));
  cores.reset();
  CHECK(!is_mapped(begin));
}

TEST_CASE("a map whose values are of another size isn't mapped") {
  const auto skeleton = loaded();
  CHECK_THROWS_AS(observe::MappedArray<ts_thread_row>(skeleton->maps.cores), Failure);
}

}  // namespace timeslice::live
