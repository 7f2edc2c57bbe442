// SPDX-License-Identifier: MIT
#include "labs/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "base/failure.h"

namespace timeslice::labs {

namespace {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes) {
  Digest digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw Failure("cannot compute a digest");
  return digest;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string digest_of(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : sha256(bytes)) text += fmt::format("{:02x}", byte);
  return text;
}

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and a terminating zero
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                      static_cast<int>(text.size())) < 0)
    return std::nullopt;
  // It decodes the padding as zeros.
  const size_t padding = text.size() - text.find_last_not_of('=') - 1;
  if (padding > 2) return std::nullopt;
  bytes.resize(bytes.size() - padding);
  return bytes;
}

uint64_t seed_of(std::string_view learner) {
  const Digest digest = sha256(learner);
  uint64_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | digest[i];
  return number % 99'999 + 1;
}

}  // namespace timeslice::labs
