// SPDX-License-Identifier: MIT
#include "demo/jobs.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <vector>

namespace timeslice::demo {

std::string pbkdf2_hex(int iterations) {
  std::array<unsigned char, 32> key{};
  constexpr unsigned char kSalt[] = "timeslice";
  ::PKCS5_PBKDF2_HMAC("password", 8, kSalt, sizeof kSalt - 1, iterations, ::EVP_sha256(),
                      key.size(), key.data());
  std::string hex;
  for (const unsigned char byte : key) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

Sorted sort_numbers(std::size_t count) {
  const auto began = std::chrono::steady_clock::now();
  std::mt19937_64 random(count);
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t& number : numbers) number = random();
  std::sort(numbers.begin(), numbers.end());
  Sorted sorted;
  for (const std::uint64_t number : numbers) sorted.checksum = sorted.checksum * 31 + number;
  sorted.time_ns = (std::chrono::steady_clock::now() - began) / std::chrono::nanoseconds(1);
  return sorted;
}

void spin(int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < until) {
  }
}

}  // namespace timeslice::demo
