// SPDX-License-Identifier: MIT
#include "labs/parts/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace timeslice::labs {

namespace {

constexpr size_t kRows = 10, kColumns = 60;
constexpr size_t kAxis = 10;  // characters, left of it

double highest(const std::vector<PlotLine>& lines) {
  double most = 0;
  for (const PlotLine& line : lines)
    for (const double value : line.values) most = std::max(most, value);
  return most;
}

// Between two values there is a straight line.
double value_at(const std::vector<double>& values, size_t column) {
  const double at = static_cast<double>(column) * static_cast<double>(values.size() - 1) /
                    static_cast<double>(kColumns - 1);
  const auto left = static_cast<size_t>(at);
  const size_t right = std::min(left + 1, values.size() - 1);
  return std::lerp(values[left], values[right], at - static_cast<double>(left));
}

}  // namespace

std::string plot(const std::vector<PlotLine>& lines, const std::string& unit) {
  const double most = highest(lines);
  if (most <= 0) return "";
  std::vector<std::string> rows(kRows, std::string(kColumns, ' '));
  for (const PlotLine& line : lines)
    for (size_t column = 0; column < kColumns && !line.values.empty(); ++column) {
      const double height = std::max(value_at(line.values, column), 0.0) / most;
      const auto row = static_cast<size_t>(std::lround(height * (kRows - 1)));
      char& cell = rows[kRows - 1 - row][column];
      cell = cell == ' ' || cell == line.letter ? line.letter : '*';
    }
  std::string text;
  for (size_t row = 0; row < kRows; ++row) {
    const std::string label = row == 0           ? fmt::format("{:.0f} {}", most, unit)
                              : row + 1 == kRows ? "0"
                                                 : "";
    text += fmt::format("{:>{}} |{}\n", label, kAxis, rows[row]);
  }
  for (const PlotLine& line : lines)
    text += fmt::format("{:>{}} {} {}\n", "", kAxis, line.letter, line.name);
  return text;
}

}  // namespace timeslice::labs
