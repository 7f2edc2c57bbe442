// SPDX-License-Identifier: MIT
#include "timeline/text.h"

#include <zlib.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/failure.h"

namespace timeslice::timeline {

namespace {

constexpr int level = 6;  // more takes twice the time for 1 % less

constexpr std::array<char, 91> make_alphabet() {
  std::array<char, 91> letters{};
  size_t n = 0;
  for (char c = '!'; c <= '~'; ++c)
    if (c != '"' && c != '&' && c != '<') letters[n++] = c;
  return letters;
}
constexpr std::array<char, 91> alphabet = make_alphabet();

}  // namespace

std::string deflated(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  const int rc = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                           reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), level);
  if (rc != Z_OK) throw Failure("The page's data can't be compressed: out of memory.");
  out.resize(size);
  return out;
}

void append_base91(std::string& out, std::string_view bytes) {
  uint32_t pending = 0;
  unsigned bits = 0;
  const auto put = [&] {
    const uint32_t value = pending & 0x1fff;
    out += alphabet[value % 91];
    out += alphabet[value / 91];
    pending >>= 13;
    bits = bits < 13 ? 0 : bits - 13;
  };
  out.reserve(out.size() + bytes.size() * 16 / 13 + 4);
  for (const char byte : bytes) {
    pending |= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << bits;
    bits += 8;
    if (bits >= 13) put();
  }
  if (bits > 0) put();
}

void append_packed(std::string& out, std::string_view bytes) {
  const std::string packed = deflated(bytes);
  out += std::to_string(packed.size()) + ' ';
  append_base91(out, packed);
}

std::string json_for_script(const nlohmann::json& value) {
  std::string safe;
  for (const char c : value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) {
    if (c == '<')
      safe += "\\u003c";  // in JSON it can only stand within a string
    else
      safe += c;
  }
  return safe;
}

}  // namespace timeslice::timeline
