// SPDX-License-Identifier: MIT
#include "labs/parts/rounds.h"

#include "labs/parts/output_lines.h"

namespace timeslice::labs {

void say_round(std::string& output, const std::string& name, const Round& round) {
  output += "round " + name + ' ' + std::to_string(round.begin_ns) + ' ' +
            std::to_string(round.end_ns) + '\n';
}

std::optional<Round> span_in(const std::string& output, const std::string& beginning) {
  Round span;
  for (auto& words : lines_after(output, beginning))
    if (words >> span.begin_ns >> span.end_ns && span.begin_ns < span.end_ns) return span;
  return std::nullopt;
}

std::optional<Round> round_in(const std::string& output, const std::string& name) {
  return span_in(output, "round " + name);
}

}  // namespace timeslice::labs
