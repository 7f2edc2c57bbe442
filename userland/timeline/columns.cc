// SPDX-License-Identifier: MIT
#include "timeline/columns.h"

#include "bpf/wire.h"

namespace timeslice::timeline {

// Values below 4 are their own class. From there on each octave has four, as the buckets of
// bpf/wire.h have, and an octave's number less two is the number of bits that remain.
void NumberColumn::append(uint64_t value) {
  if (value < 4) {
    classes_ += static_cast<char>(value);
    return;
  }
  const unsigned rest_bits = ts_log2(value) - 2;
  classes_ += static_cast<char>(4 * (rest_bits + 1) + ((value >> rest_bits) & 3));
  for (unsigned done = 0; done < rest_bits;) {
    const unsigned take =
        rest_bits - done < 8 - pending_bits_ ? rest_bits - done : 8 - pending_bits_;
    const auto part = static_cast<uint32_t>((value >> done) & ((1U << take) - 1));
    pending_ |= part << pending_bits_;
    pending_bits_ += take;
    done += take;
    if (pending_bits_ < 8) continue;
    bits_ += static_cast<char>(pending_);
    pending_ = 0;
    pending_bits_ = 0;
  }
}

std::string NumberColumn::bits() const {
  std::string all = bits_;
  if (pending_bits_ > 0) all += static_cast<char>(pending_);
  return all;
}

uint64_t NumberReader::next() {
  const auto number_class = static_cast<uint8_t>(classes_[next_++]);
  if (number_class < 4) return number_class;
  const unsigned rest_bits = number_class / 4U - 1;
  uint64_t value = (4ULL + number_class % 4) << rest_bits;
  for (unsigned i = 0; i < rest_bits; ++i, ++bit_)
    value |= static_cast<uint64_t>((static_cast<uint8_t>(bits_[bit_ / 8]) >> (bit_ % 8)) & 1) << i;
  return value;
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

uint64_t read_varint(std::string_view text, size_t& at) {
  uint64_t value = 0;
  for (unsigned shift = 0; at < text.size(); shift += 7) {
    const auto byte = static_cast<uint8_t>(text[at++]);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

}  // namespace timeslice::timeline
