// SPDX-License-Identifier: MIT
#include "demo/http_date.h"

#include <array>
#include <cstdio>

namespace timeslice::demo {

namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::size_t kSize = 29;

int number(std::string_view digits) {
  int value = 0;
  for (const char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

}  // namespace

std::string http_date(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                kDays.data() + 3 * parts.tm_wday, parts.tm_mday, kMonths.data() + 3 * parts.tm_mon,
                parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

// Read at fixed places, without a look at what stands between them: what doesn't come out the same
// when it's written again wasn't a date.
std::optional<std::time_t> parse_http_date(std::string_view text) {
  if (text.size() != kSize) return std::nullopt;
  const std::size_t month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos) return std::nullopt;
  std::tm parts{};
  parts.tm_mday = number(text.substr(5, 2));
  parts.tm_mon = static_cast<int>(month / 3);
  parts.tm_year = number(text.substr(12, 4)) - 1900;
  parts.tm_hour = number(text.substr(17, 2));
  parts.tm_min = number(text.substr(20, 2));
  parts.tm_sec = number(text.substr(23, 2));
  const std::time_t time = ::timegm(&parts);
  if (http_date(time) != text) return std::nullopt;
  return time;
}

}  // namespace timeslice::demo
