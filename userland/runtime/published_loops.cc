// SPDX-License-Identifier: MIT
#include "runtime/published_loops.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace timeslice::runtime {

namespace {

constexpr size_t kLongestName = 24;          // bytes, with the zero
constexpr uint32_t kMostPoolThreads = 1024;  // as the loop's options allow
constexpr uint64_t kEndOfUserSpace = uint64_t{1} << 47;

bool may_be_loop(uint64_t address) {
  return address >= 4096 && address < kEndOfUserSpace && address % alignof(PublishedLoop) == 0;
}

std::optional<PublishedLoopState> state_of(const PublishedLoop& place, uint64_t address) {
  if (place.self != address || place.tid == 0 || place.turns == 0 || place.phase == 0)
    return std::nullopt;
  return PublishedLoopState{address,     place.serial,   place.thread_pointer, place.tid,
                            place.turns, place.entry_ns, place.idle_ns,        place.time_ns,
                            place.phase, place.callback};
}

// Small letters, digits and underscores.
std::string name_at(MemoryReader& memory, uint64_t address) {
  std::array<char, kLongestName> bytes;
  size_t size = bytes.size();
  if (address == 0) return "";
  if (!memory.read(address, bytes.data(), size)) {
    size = std::min<uint64_t>(size, 4096 - address % 4096);
    if (!memory.read(address, bytes.data(), size)) return "";
  }
  const auto* const end = std::find(bytes.begin(), bytes.begin() + size, '\0');
  if (end == bytes.begin() + size) return "";
  const auto belongs = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return std::all_of(bytes.cbegin(), end, belongs) ? std::string(bytes.cbegin(), end) : "";
}

}  // namespace

PublishedTableAnswer read_published_table(MemoryReader& memory, uint64_t address) {
  std::array<unsigned char, offsetof(PublishedLoops, loops)> bytes;
  if (!may_be_loop(address) || !memory.read(address, bytes.data(), bytes.size()))
    return {std::nullopt, "its event loops' table can't be read"};
  const auto word = [&]<typename T>(size_t offset, T value) {
    std::memcpy(&value, &bytes[offset], sizeof(value));
    return value;
  };
  const uint64_t magic = word(offsetof(PublishedLoops, magic), uint64_t{});
  const uint32_t version = word(offsetof(PublishedLoops, version), uint32_t{});
  const uint32_t size = word(offsetof(PublishedLoops, size), uint32_t{});
  if (magic == 0) return {};
  if (magic != kPublishedLoopsMagic || version != kPublishedLoopsVersion ||
      size != sizeof(PublishedLoop))
    return {std::nullopt, "its event loops are of another version than this timeslice knows"};
  PublishedTable table;
  table.used = std::min(word(offsetof(PublishedLoops, used), uint32_t{}), kMostPublishedLoops);
  table.is_cluster_worker = word(offsetof(PublishedLoops, is_cluster_worker), uint32_t{}) == 1;
  return {table, ""};
}

std::vector<PublishedLoopState> read_published_loops(MemoryReader& memory, uint64_t address,
                                                     const PublishedTable& table) {
  const uint64_t first = address + offsetof(PublishedLoops, loops);
  std::vector<PublishedLoop> places(std::min(table.used, kMostPublishedLoops));
  std::vector<PublishedLoopState> loops;
  if (places.empty() || !may_be_loop(first) ||
      !memory.read(first, places.data(), places.size() * sizeof(PublishedLoop)))
    return loops;
  for (size_t i = 0; i < places.size(); ++i)
    if (const auto loop = state_of(places[i], first + i * sizeof(PublishedLoop)))
      loops.push_back(*loop);
  return loops;
}

std::optional<PublishedLoopState> read_published_loop(MemoryReader& memory, uint64_t address,
                                                      uint64_t serial) {
  if (!may_be_loop(address)) return std::nullopt;
  const auto place = memory.get<PublishedLoop>(address);
  if (!place || place->serial != serial) return std::nullopt;
  return state_of(*place, address);
}

std::optional<PublishedPool> read_published_pool(MemoryReader& memory, uint64_t address) {
  if (!may_be_loop(address)) return std::nullopt;
  const auto place = memory.get<PublishedLoop>(address);
  if (!place || place->self != address) return std::nullopt;
  const PublishedPool pool{place->pool_threads, place->pool_idle, place->pool_queued,
                           place->pool_slow};
  if (pool.threads > kMostPoolThreads || pool.idle > pool.threads) return std::nullopt;
  return pool;
}

std::string published_phase(MemoryReader& memory, const PublishedLoopState& loop) {
  return name_at(memory, loop.phase_name);
}

std::string published_callback(MemoryReader& memory, const PublishedLoopState& loop) {
  const std::string phase = published_phase(memory, loop);
  return phase == "pending" || phase == "poll" ? name_at(memory, loop.callback) : "";
}

}  // namespace timeslice::runtime
