// SPDX-License-Identifier: MIT
// Is there a libuv loop at this address, and what does it say of itself?
#pragma once
#include <cstdint>
#include <optional>

#include "base/memory_reader.h"
#include "runtime/uv_layout.h"

namespace timeslice::runtime {

// All of one moment, as far as a loop that goes on meanwhile can be read at one moment.
struct UvLoopState {
  uint64_t entry_ns = 0;          // CLOCK_MONOTONIC, since when it waits for events; 0: it doesn't
  uint64_t idle_ns = 0;           // waited before that
  uint64_t time_ms = 0;           // when it last looked at CLOCK_MONOTONIC
  std::optional<uint64_t> turns;  // since it began
  uint64_t fields = 0;            // the address at which it keeps all of these but the time
};

// Whose events does it wait for with this epoll descriptor? True where the loop at `address` does,
// and looks like a loop: its ring of handles leads back to it, its internal fields are there.
[[nodiscard]] bool is_uv_loop(MemoryReader& memory, const UvLayout& layout, uint64_t address,
                              int32_t epoll_fd);
// The same of any descriptor; absent where it is none.
[[nodiscard]] std::optional<int32_t> uv_loop_fd(MemoryReader& memory, const UvLayout& layout,
                                                uint64_t address);

// `fields`: where it kept them at the last look, which saves a read; 0: not known.
[[nodiscard]] std::optional<UvLoopState> read_uv_loop(MemoryReader& memory, const UvLayout& layout,
                                                      uint64_t address, uint64_t fields = 0);
// Where the loop counts its turns, in its process; absent where it doesn't.
[[nodiscard]] std::optional<uint64_t> uv_turn_count_at(MemoryReader& memory, const UvLayout& layout,
                                                       uint64_t address);

}  // namespace timeslice::runtime
