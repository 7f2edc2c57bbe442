// SPDX-License-Identifier: MIT
#include "view/format/number.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace timeslice::view {

namespace {

// Up to 8 characters, collected in a register from the last to the first: bytes that are stored one
// by one and then read together make the processor wait. (On a little-endian machine the first
// character is the lowest byte.)
struct Characters {
  uint64_t word = 0;
  size_t size = 0;

  void add_before(char c) {
    word = word << 8 | static_cast<uint8_t>(c);
    ++size;
  }
};

constexpr std::array<double, 4> powers = {1, 10, 100, 1000};
constexpr double kMostWhole = 9e18;  // a whole number of 64 bits holds it, signed or not

// What takes more than 8 characters, which is rare. Written from the end.
std::string_view long_fixed(uint64_t scaled, int decimals, bool negative, char suffix,
                            Scratch& scratch) {
  char* const end = scratch.text + sizeof(scratch.text);
  char* out = end;
  if (suffix != 0) *--out = suffix;
  for (int i = 0; i < decimals; ++i, scaled /= 10) *--out = static_cast<char>('0' + scaled % 10);
  if (decimals > 0) *--out = '.';
  do *--out = static_cast<char>('0' + scaled % 10);
  while ((scaled /= 10) != 0);
  if (negative) *--out = '-';
  return {out, static_cast<size_t>(end - out)};
}

// What no machine has counted, but a made-up file may say.
std::string_view huge(double figure, char suffix, Scratch& scratch) {
  char* end = fmt::format_to_n(scratch.text, sizeof(scratch.text) - 1, "{:.3e}", figure).out;
  if (suffix != 0) *end++ = suffix;
  return {scratch.text, static_cast<size_t>(end - scratch.text)};
}

// `figure` rounded to so many decimals, then `suffix` (0: none).
template <int Decimals>
std::string_view fixed(double figure, Scratch& scratch, char suffix = 0) {
  const double size = std::fabs(figure) * powers[Decimals];
  if (!(size < kMostWhole)) return huge(figure, suffix, scratch);
  auto scaled = static_cast<uint64_t>(size + 0.5);
  const bool negative = figure < 0 && scaled != 0;
  constexpr uint64_t too_long = Decimals > 0 ? 100'000 : 10'000'000;
  if (std::endian::native != std::endian::little || scaled >= too_long)
    return long_fixed(scaled, Decimals, negative, suffix, scratch);
  Characters text;
  if (suffix != 0) text.add_before(suffix);
  for (int i = 0; i < Decimals; ++i, scaled /= 10)
    text.add_before(static_cast<char>('0' + scaled % 10));
  if (Decimals > 0) text.add_before('.');
  do text.add_before(static_cast<char>('0' + scaled % 10));
  while ((scaled /= 10) != 0);
  if (negative) text.add_before('-');
  std::memcpy(scratch.text, &text.word, sizeof(text.word));
  return {scratch.text, text.size};
}

// 12.3k, 812k, 12.3M, … for what is too long in full.
std::string_view shortened(double figure, Scratch& scratch) {
  constexpr std::string_view suffixes = "kMGTPE";
  size_t i = 0;
  double scaled = figure / 1000;
  while (scaled >= 999.5 && i + 1 < suffixes.size()) {
    scaled /= 1000;
    ++i;
  }
  return scaled < 99.95 ? fixed<1>(scaled, scratch, suffixes[i])
                        : fixed<0>(scaled, scratch, suffixes[i]);
}

std::string_view rate(double figure, Scratch& scratch) {
  if (figure == 0) return "0";
  if (figure < 9.95) return fixed<1>(figure, scratch);
  if (figure < 9999.5) return fixed<0>(figure, scratch);
  return shortened(figure, scratch);
}

std::string_view fine(double figure, Scratch& scratch) {
  if (figure == 0) return "0";
  if (figure < 9.995) return fixed<2>(figure, scratch);
  if (figure < 99.95) return fixed<1>(figure, scratch);
  return rate(figure, scratch);
}

std::string_view percent(double figure, Scratch& scratch) {
  if (figure == 0) return "0";
  return figure < 999.95 ? fixed<1>(figure, scratch) : fixed<0>(figure, scratch);
}

struct Unit {
  double ns;
  const char* name;
};
constexpr Unit units[] = {{3.6e12, "h"}, {6e10, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}};

}  // namespace

std::string_view compact(double figure, Kind kind, Scratch& scratch) {
  switch (kind) {
    case Kind::rate:
      return rate(figure, scratch);
    case Kind::fine:
      return fine(figure, scratch);
    case Kind::percent:
      return percent(figure, scratch);
    case Kind::total:
      if (figure >= 99'999'999.5) return shortened(figure, scratch);
      [[fallthrough]];
    default:
      return fixed<0>(figure, scratch);
  }
}

std::string duration(double ns) {
  for (const Unit& unit : units) {
    // 9.96 ms is "10 ms", and 999.7 us is "1.0 ms": round before the unit is chosen.
    if (ns < unit.ns * 0.9995) continue;
    const double n = ns / unit.ns;
    return n < 9.95 ? fmt::format("{:.1f} {}", n, unit.name)
                    : fmt::format("{:.0f} {}", n, unit.name);
  }
  return fmt::format("{:.0f} ns", ns);
}

std::string grouped(uint64_t count) {
  std::string digits = fmt::format_int(count).str();
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string counted(uint64_t count, std::string_view one, std::string_view several) {
  return (grouped(count) + ' ').append(count == 1 ? one : several);
}

void append_exact(std::string& out, double figure) {
  // Totals are whole, and are written to the unit.
  if (figure == std::floor(figure) && std::fabs(figure) < kMostWhole) {
    const fmt::format_int digits(static_cast<int64_t>(figure));
    out.append(digits.data(), digits.size());
    return;
  }
  Scratch scratch;
  out.append(fixed<3>(figure, scratch));
}

}  // namespace timeslice::view
