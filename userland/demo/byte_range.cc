// SPDX-License-Identifier: MIT
#include "demo/byte_range.h"

#include <strings.h>

#include <algorithm>
#include <limits>
#include <optional>

namespace timeslice::demo {

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Digits only. A number beyond all files is as good as the greatest.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const std::uint64_t digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
  }
  return value;
}

ByteRange part(std::uint64_t first, std::uint64_t size) {
  return {.kind = ByteRange::Kind::part, .first = first, .size = size};
}

}  // namespace

ByteRange parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  header = trimmed(header);
  if (header.size() < kUnit.size() || ::strncasecmp(header.data(), kUnit.data(), kUnit.size()) != 0)
    return {};
  const std::string_view range = trimmed(header.substr(kUnit.size()));
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view before = trimmed(range.substr(0, dash));
  const std::string_view behind = trimmed(range.substr(dash + 1));
  const auto first = number(before);
  const auto last = number(behind);
  if ((!first && !before.empty()) || (!last && !behind.empty()) || (!first && !last)) return {};
  constexpr ByteRange kNothing = {.kind = ByteRange::Kind::unsatisfiable};
  if (!first) {  // the last so many bytes
    const std::uint64_t count = std::min(*last, size);
    return count == 0 ? kNothing : part(size - count, count);
  }
  if (last && *last < *first) return {};
  if (*first >= size) return kNothing;
  return part(*first, (last ? std::min(*last, size - 1) : size - 1) - *first + 1);
}

}  // namespace timeslice::demo
