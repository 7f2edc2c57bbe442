// SPDX-License-Identifier: MIT
// Where does a process's libuv keep the figures of a loop? Read from the machine code of functions
// that it exports, for the offsets differ between its versions and builds, and no table of versions
// stays true. Whoever uses them compares what lies there with what a loop must look like
// (uv_loop.h).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/memory_reader.h"
#include "runtime/elf_image.h"

namespace timeslice::runtime {

// Distances in bytes.
struct UvLayout {
  // In uv_loop_t.
  uint64_t backend_fd = 0;
  uint64_t time = 0;      // milliseconds
  uint64_t internal = 0;  // a pointer to the internal fields
  // In the internal fields.
  uint64_t entry_time = 0;             // since when it waits for events, ns; 0: it doesn't
  uint64_t idle_time = 0;              // waited before that, in all, ns
  std::optional<uint64_t> loop_count;  // turns; absent before libuv 1.45
  // Where the pointer to the default loop is, in the process; absent where that couldn't be read.
  std::optional<uint64_t> default_loop_pointer;
};

// Where there is none, why: a whole clause, as "it doesn't export libuv's functions".
struct UvLayoutAnswer {
  std::optional<UvLayout> layout;
  std::string refusal;
};

UvLayoutAnswer read_uv_layout(MemoryReader& memory, const ElfImage& image);

}  // namespace timeslice::runtime
