// SPDX-License-Identifier: MIT
// What is computed, wherever that is done: in the loop, on the pool, or on a worker? These work on
// one core for a while, touch nothing but their arguments, and always give the same result.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace timeslice::demo {

// PBKDF2 with HMAC-SHA-256, in hexadecimal digits: some 0.5 us for each iteration.
std::string pbkdf2_hex(int iterations);

struct Sorted {
  std::uint64_t checksum = 0;  // of the sorted numbers, in their order
  std::int64_t time_ns = 0;    // taken by making and sorting them
};
// Sorts `count` pseudo-random 64-bit numbers. Throws std::bad_alloc.
Sorted sort_numbers(std::size_t count);

// Burns CPU, as a synchronous computation in a callback does.
void spin(int milliseconds);

}  // namespace timeslice::demo
