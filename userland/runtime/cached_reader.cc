// SPDX-License-Identifier: MIT
#include "runtime/cached_reader.h"

#include <algorithm>
#include <cstring>

namespace timeslice::runtime {

namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kUnreadable = SIZE_MAX;
// A longer read is of something that is asked for once.
constexpr size_t kLongestKept = 4 * kPage;

}  // namespace

bool CachedReader::charge(size_t bytes) {
  if (bytes > most_bytes_ - bytes_read_) return false;
  bytes_read_ += bytes;
  return true;
}

const uint8_t* CachedReader::page(uint64_t number) {
  const auto [known, is_new] = pages_.try_emplace(number, kUnreadable);
  if (is_new && charge(kPage)) {
    const size_t at = kept_.size();
    kept_.resize(at + kPage);
    if (below_.read(number * kPage, kept_.data() + at, kPage))
      known->second = at;
    else
      kept_.resize(at);
  }
  return known->second == kUnreadable ? nullptr : kept_.data() + known->second;
}

bool CachedReader::read(uint64_t address, void* to, size_t bytes) {
  if (bytes > UINT64_MAX - address) return false;
  if (bytes > kLongestKept) return charge(bytes) && below_.read(address, to, bytes);
  auto* out = static_cast<uint8_t*>(to);
  while (bytes > 0) {
    const uint8_t* from = page(address / kPage);
    if (!from) return false;
    const uint64_t within = address % kPage;
    const size_t part = std::min<uint64_t>(bytes, kPage - within);
    std::memcpy(out, from + within, part);
    out += part;
    address += part;
    bytes -= part;
  }
  return true;
}

void CachedReader::load(uint64_t address, size_t bytes) {
  if (bytes == 0 || bytes > UINT64_MAX - address) return;
  const uint64_t first = address / kPage, last = (address + bytes - 1) / kPage;
  const size_t size = (last - first + 1) * kPage, at = kept_.size();
  if (!charge(size)) return;
  kept_.resize(at + size);
  if (!below_.read(first * kPage, kept_.data() + at, size)) {
    kept_.resize(at);
    return;
  }
  for (uint64_t number = first; number <= last; ++number)
    pages_.try_emplace(number, at + (number - first) * kPage);
}

}  // namespace timeslice::runtime
