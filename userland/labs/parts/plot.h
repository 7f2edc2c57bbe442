// SPDX-License-Identifier: MIT
// A few lines in one picture, drawn with letters: what grows how, at a glance.
#pragma once
#include <string>
#include <vector>

namespace timeslice::labs {

struct PlotLine {
  char letter;                 // that it is drawn with
  std::string name;            // in the legend
  std::vector<double> values;  // from left to right, as many as the others have; 0 or more
};

// At most 80 columns wide; where lines meet there is a '*'. `unit` stands at the highest value.
// Empty where there is nothing to draw.
std::string plot(const std::vector<PlotLine>& lines, const std::string& unit);

}  // namespace timeslice::labs
