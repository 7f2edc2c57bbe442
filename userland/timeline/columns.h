// SPDX-License-Identifier: MIT
// How does a page hold a million slices in few bytes? Column by column: numbers that resemble each
// other stand together. Of each number, one byte tells the quarter-octave it lies in, which deflate
// packs well because few are frequent; the bits below are noise that nothing packs, and are stored
// as they are, bit by bit, apart from the rest.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace timeslice::timeline {

class NumberColumn {
 public:
  void append(uint64_t value);
  [[nodiscard]] const std::string& classes() const { return classes_; }
  [[nodiscard]] std::string bits() const;  // the last byte filled up with zeros
  [[nodiscard]] size_t memory_bytes() const { return classes_.capacity() + bits_.capacity(); }

 private:
  std::string classes_, bits_;
  uint32_t pending_ = 0;  // bits that don't fill a byte yet
  unsigned pending_bits_ = 0;
};

// Gives back what a NumberColumn was given, in the same order.
class NumberReader {
 public:
  explicit NumberReader(const NumberColumn& column)
      : classes_(column.classes()), bits_(column.bits()) {}
  [[nodiscard]] bool more() const { return next_ < classes_.size(); }
  uint64_t next();

 private:
  std::string_view classes_;
  std::string bits_;
  size_t next_ = 0;
  size_t bit_ = 0;
};

// Seven bits a byte, the lowest first; the eighth says that more follow.
void append_varint(std::string& out, uint64_t value);
uint64_t read_varint(std::string_view text, size_t& at);

// Small for small differences of either sign: 0, -1, 1, -2 … become 0, 1, 2, 3 …
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

}  // namespace timeslice::timeline
