// SPDX-License-Identifier: MIT
#include "runtime/uv_loop.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

namespace timeslice::runtime {

namespace {

// uv_loop_t::handle_queue, the same in every libuv 1.x on 64-bit Linux (include/uv.h): the ring's
// next and previous, as the node within each handle has them.
constexpr uint64_t kHandleQueue = 16;
constexpr uint64_t kEndOfUserSpace = uint64_t{1} << 47;

bool may_be_pointer(uint64_t address) {
  return address >= 4096 && address < kEndOfUserSpace && address % 8 == 0;
}

// An empty ring is its own neighbour.
bool is_ring(MemoryReader& memory, uint64_t head) {
  const auto links = memory.get<std::array<uint64_t, 2>>(head);
  if (!links || !may_be_pointer((*links)[0]) || !may_be_pointer((*links)[1])) return false;
  const auto back = memory.get<uint64_t>((*links)[0] + 8);
  const auto forth = memory.get<uint64_t>((*links)[1]);
  return back == head && forth == head;
}

// Words of an object, in one piece from the first of them to the last.
template <size_t Most>
struct Words {
  Words(std::initializer_list<uint64_t> offsets)
      : first(std::min(offsets)), size(std::max(offsets) + 8 - first) {}
  [[nodiscard]] bool fit() const { return size <= Most; }
  MemoryPart of(uint64_t object) { return {object + first, bytes.data(), size}; }
  uint64_t operator[](uint64_t offset) const {
    uint64_t value = 0;
    std::memcpy(&value, &bytes[offset - first], sizeof(value));
    return value;
  }

  uint64_t first, size;
  std::array<unsigned char, Most> bytes;
};

}  // namespace

std::optional<int32_t> uv_loop_fd(MemoryReader& memory, const UvLayout& layout, uint64_t address) {
  if (!may_be_pointer(address)) return std::nullopt;
  const auto fd = memory.get<int32_t>(address + layout.backend_fd);
  if (!fd || *fd < 0 || !is_ring(memory, address + kHandleQueue)) return std::nullopt;
  if (!read_uv_loop(memory, layout, address)) return std::nullopt;
  return fd;
}

bool is_uv_loop(MemoryReader& memory, const UvLayout& layout, uint64_t address, int32_t epoll_fd) {
  return uv_loop_fd(memory, layout, address) == epoll_fd;
}

std::optional<UvLoopState> read_uv_loop(MemoryReader& memory, const UvLayout& layout,
                                        uint64_t address, uint64_t fields) {
  const uint64_t turns_at = layout.loop_count.value_or(layout.entry_time);
  Words<1024> loop({layout.internal, layout.time});
  Words<2048> kept({turns_at, layout.entry_time, layout.idle_time});
  if (!loop.fit() || !kept.fit()) return std::nullopt;
  // A hundred times a second: as few reads as can be.
  const std::array both{loop.of(address), kept.of(fields)};
  const bool knew =
      may_be_pointer(fields) && memory.read_parts(both) && loop[layout.internal] == fields;
  if (!knew) {
    if (!memory.read_parts({both.data(), 1})) return std::nullopt;
    fields = loop[layout.internal];
    const MemoryPart part = kept.of(fields);
    if (!may_be_pointer(fields) || !memory.read_parts({&part, 1})) return std::nullopt;
  }
  UvLoopState state;
  state.entry_ns = kept[layout.entry_time];
  state.idle_ns = kept[layout.idle_time];
  state.time_ms = loop[layout.time];
  if (layout.loop_count) state.turns = kept[*layout.loop_count];
  state.fields = fields;
  return state;
}

std::optional<uint64_t> uv_turn_count_at(MemoryReader& memory, const UvLayout& layout,
                                         uint64_t address) {
  const auto fields = memory.get<uint64_t>(address + layout.internal);
  if (!layout.loop_count || !fields || !may_be_pointer(*fields)) return std::nullopt;
  return *fields + *layout.loop_count;
}

}  // namespace timeslice::runtime
