// SPDX-License-Identifier: MIT
// How is a sample of somebody's memory taken without a system call for each word of it, and without
// reading for ever what a hostile owner has linked in a circle? Pages are kept until the sample is
// done, and there is a limit on the bytes of one sample; beyond it no read succeeds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/memory_reader.h"

namespace timeslice::runtime {

class CachedReader final : public MemoryReader {
 public:
  CachedReader(MemoryReader& below, size_t most_bytes) : below_(below), most_bytes_(most_bytes) {}

  [[nodiscard]] bool read(uint64_t address, void* to, size_t bytes) override;
  // These pages in one read, so that they are of one moment, as far as that is possible.
  void load(uint64_t address, size_t bytes);
  // Of the reader below, since the sample's beginning.
  [[nodiscard]] size_t bytes_read() const { return bytes_read_; }

 private:
  bool charge(size_t bytes);
  const uint8_t* page(uint64_t number);

  MemoryReader& below_;
  size_t most_bytes_;
  size_t bytes_read_ = 0;
  std::vector<uint8_t> kept_;
  std::unordered_map<uint64_t, size_t> pages_;  // a page's number → where it begins in kept_
};

}  // namespace timeslice::runtime
