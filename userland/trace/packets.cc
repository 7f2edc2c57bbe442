// SPDX-License-Identifier: MIT
#include "trace/packets.h"

#include <algorithm>
#include <protozero/varint.hpp>

namespace timeslice::trace {

namespace {

constexpr size_t kFirstWindow = 16 << 10;
constexpr size_t kWindow = 1 << 20;
constexpr uint64_t kLargest = 64 << 20;  // a packet that claims more is none
constexpr char kPacketTag = 0x0a;        // field 1, a message
constexpr size_t kHead = 11;             // the tag, and the longest length

}  // namespace

// Brings `size` bytes from at_ on into the window; false: the file hasn't got so many. A packet
// that is broken may claim any size: the window at most doubles before there are bytes for it. And
// it grows with what was read, since all of it is cleared: a short file costs little then.
bool Packets::need(size_t size) {
  if (window_.size() - at_ >= size) return true;
  window_.erase(0, at_);
  window_at_ += at_;
  at_ = 0;
  while (window_.size() < size) {
    const size_t had = window_.size();
    const size_t window = std::clamp<uint64_t>(window_at_ + had, kFirstWindow, kWindow);
    const size_t wanted = std::max(window, std::min(size, 2 * had));
    window_.resize(wanted);
    window_.resize(had + bytes_.read(window_at_ + had, window_.data() + had, wanted - had));
    if (window_.size() < wanted) break;
  }
  return window_.size() >= size;
}

bool Packets::stop_within(const std::string& where) {
  stopped_ = "the file ends inside a packet, at byte " + where;
  cut_ = true;
  return false;
}

bool Packets::next() {
  need(kHead);
  const char* const end = window_.data() + window_.size();
  const char* data = window_.data() + at_;
  if (data == end) return false;
  const std::string where = std::to_string(window_at_ + at_);
  if (*data++ != kPacketTag) {
    stopped_ = "no valid packet at byte " + where;
    return false;
  }
  uint64_t size = 0;
  try {
    size = protozero::decode_varint(&data, end);
  } catch (const protozero::exception&) {
    return stop_within(where);
  }
  const auto head = static_cast<size_t>(data - (window_.data() + at_));
  if (size > kLargest || !need(head + static_cast<size_t>(size))) return stop_within(where);
  begin_ = at_ + head;
  size_ = static_cast<size_t>(size);
  at_ = begin_ + size_;
  followed_ = window_at_ + at_;
  return true;
}

}  // namespace timeslice::trace
