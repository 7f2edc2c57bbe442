// SPDX-License-Identifier: MIT
// Is a result what was written when the lab was run? A digest tells whether a byte was changed; it
// keeps nobody out who makes a new one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace timeslice::labs {

// SHA-256, in 64 hexadecimal digits.
std::string digest_of(std::string_view bytes);

std::string to_base64(std::string_view bytes);
// Absent: it isn't base64 in one piece.
std::optional<std::string> from_base64(std::string_view text);

// Each learner's own variant of every lab: 1 to 99,999, by the name.
uint64_t seed_of(std::string_view learner);

}  // namespace timeslice::labs
