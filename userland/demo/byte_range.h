// SPDX-License-Identifier: MIT
// Which part of a file does a Range header ask for? One range: bytes=a-b, a- or -n (RFC 9110, 14).
// What isn't understood, and several ranges at once, may be ignored, and is: the whole is sent.
#pragma once
#include <cstdint>
#include <string_view>

namespace timeslice::demo {

struct ByteRange {
  enum class Kind : std::uint8_t { whole, part, unsatisfiable } kind = Kind::whole;
  std::uint64_t first = 0, size = 0;  // of a part
};

// `header`: the value, empty if there is none; `size`: of the file.
ByteRange parse_range(std::string_view header, std::uint64_t size);

}  // namespace timeslice::demo
