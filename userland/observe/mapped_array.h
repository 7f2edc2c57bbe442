// SPDX-License-Identifier: MIT
// How are a BPF array map's elements read without a system call? The map is in our own memory for
// as long as its MappedArray lives; the programs write there at any time. Read only.
#pragma once
#include <cstddef>
#include <cstdint>

struct bpf_map;

namespace timeslice::observe {

// The memory alone, whatever is in it.
class MappedMap {
 public:
  // Of a loaded map whose values have that many bytes. Throws Failure.
  MappedMap(const bpf_map* map, size_t value_bytes);
  ~MappedMap();
  MappedMap(const MappedMap&) = delete;
  MappedMap& operator=(const MappedMap&) = delete;

  [[nodiscard]] const void* memory() const { return memory_; }
  [[nodiscard]] uint32_t size() const { return size_; }  // elements

 private:
  void* memory_ = nullptr;
  size_t bytes_ = 0;
  uint32_t size_ = 0;
};

// `Value` is volatile where a program may write while we read.
template <typename Value>
class MappedArray {
 public:
  explicit MappedArray(const bpf_map* map) : map_(map, sizeof(Value)) {}  // throws Failure

  [[nodiscard]] uint32_t size() const { return map_.size(); }
  const Value& operator[](uint32_t i) const { return static_cast<const Value*>(map_.memory())[i]; }

 private:
  static_assert(sizeof(Value) % 8 == 0, "the kernel rounds each element up to 8 bytes");
  MappedMap map_;
};

}  // namespace timeslice::observe
