// SPDX-License-Identifier: MIT
// How is memory read that isn't ours, and may be gone, or be somebody's who means harm? A reader
// answers for any address, and whoever asks believes nothing of what it answers. A live process's
// memory is read by one, and a test's made-up memory by another.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace timeslice {

struct MemoryPart {
  uint64_t address;
  void* to;
  size_t bytes;
};

class MemoryReader {
 public:
  virtual ~MemoryReader() = default;
  // All of the bytes, or false; what `to` has then is undefined.
  [[nodiscard]] virtual bool read(uint64_t address, void* to, size_t bytes) = 0;
  // The same of all parts; one call where the memory is another process's.
  [[nodiscard]] virtual bool read_parts(std::span<const MemoryPart> parts) {
    return std::all_of(parts.begin(), parts.end(), [this](const MemoryPart& part) {
      return read(part.address, part.to, part.bytes);
    });
  }

  template <typename T>
  [[nodiscard]] std::optional<T> get(uint64_t address) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    if (!read(address, &value, sizeof(value))) return std::nullopt;
    return value;
  }
};

}  // namespace timeslice
